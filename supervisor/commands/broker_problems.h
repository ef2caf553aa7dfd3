// Pure. The reasons of the status for brokers that can't be used: one a kind of trouble, each with its
// remedy; and what the workers' words add to what the supervisor's own connection meets.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/kafka/error_kind.h"
#include "supervisor/status/reason_code.h"

namespace e2k::supervisor {

struct BrokerProblem {
  ReasonCode code;
  kafka::ErrorKind kind;
};
std::span<const BrokerProblem> broker_problems();

// "" where there is no trouble. `certificates`: the files of the login ("property=path, …"), "" for none.
std::string broker_problem_text(const kafka::Trouble& trouble, const std::string& servers,
                                const std::string& certificates);

// The reasons of both sides by code. A worker's words count while it reaches no broker; where the command
// topic can't be read for the same reason they would only repeat it.
class BrokerProblems {
public:
  struct OfWorker {
    size_t slot;
    int brokers_up;
    std::string words;
  };
  void of_tail(ReasonCode code, const std::string& message) { tail_[code] = message; }
  void of_workers(const std::vector<OfWorker>& workers, const std::string& servers,
                  const std::string& certificates);
  // Every code, "" where it does not stand.
  std::map<ReasonCode, std::string> judged() const;

private:
  std::map<ReasonCode, std::string> tail_, workers_;
};

}  // namespace e2k::supervisor
