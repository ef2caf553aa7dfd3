#include "supervisor/commands/broker_problems.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace e2k::supervisor {
namespace {

using kafka::ErrorKind;

constexpr auto kProblems = std::to_array<BrokerProblem>({
    {ReasonCode::kafka_login_refused, ErrorKind::login},
    {ReasonCode::kafka_tls, ErrorKind::tls},
    {ReasonCode::brokers_down, ErrorKind::down},
    {ReasonCode::brokers_silent, ErrorKind::silent},
});

}  // namespace

std::span<const BrokerProblem> broker_problems() {
  return kProblems;
}

std::string broker_problem_text(const kafka::Trouble& trouble, const std::string& servers,
                                const std::string& certificates) {
  const std::string files = certificates.empty() ? ""
                                                 : " Replace what is wrong of " + certificates +
                                                       ": it is read again once it changes";
  const std::string words = trouble.words.empty() ? "" : ": " + trouble.words;
  switch (trouble.kind) {
    case ErrorKind::none:
      return "";
    case ErrorKind::login:
      return fmt::format(
          "the login at the brokers {} is refused{}; correct security.protocol, sasl.mechanism and what the "
          "mechanism logs in with. It is tried again; names and passwords from a file or credential are read "
          "again each time.{}",
          servers, words, files);
    case ErrorKind::tls:
      // Of a listener with TLS that is asked without, librdkafka knows only that it closes.
      if (kafka::is_closed_in(kafka::kFirstQuestion, trouble.words))
        return fmt::format(
            "the brokers {} close the connection at the first question{}; they speak TLS and "
            "security.protocol "
            "does not say so (ssl, sasl_ssl), or it is not Kafka that listens there",
            servers, words);
      return fmt::format(
          "there is no TLS with the brokers {}{}; does the listener speak it (security.protocol), does "
          "ssl.ca.location hold who signed the brokers' certificates, are certificates out of date?{}",
          servers, words, files);
    case ErrorKind::down:
      return fmt::format("no broker of {} is reached{}; start them, or correct kafka.bootstrap.servers",
                         servers, words);
    case ErrorKind::silent:
      return fmt::format(
          "the brokers {} take connections and do not answer{}; are they starting, overloaded or stopped, "
          "and "
          "is it Kafka that listens there, with the security.protocol that is set?",
          servers, words);
  }
  return "";
}

void BrokerProblems::of_workers(const std::vector<OfWorker>& workers, const std::string& servers,
                                const std::string& certificates) {
  workers_.clear();
  for (const OfWorker& worker : workers) {
    if (worker.brokers_up != 0) continue;
    const kafka::Trouble trouble{kafka::kind_of(worker.words), worker.words};
    for (const BrokerProblem& problem : kProblems)
      if (problem.kind == trouble.kind && workers_[problem.code].empty())
        workers_[problem.code] =
            fmt::format("worker {}: {}", worker.slot, broker_problem_text(trouble, servers, certificates));
  }
}

std::map<ReasonCode, std::string> BrokerProblems::judged() const {
  std::map<ReasonCode, std::string> judged;
  const bool tail_is_in_trouble =
      std::any_of(tail_.begin(), tail_.end(), [](const auto& one) { return !one.second.empty(); });
  for (const BrokerProblem& problem : kProblems) {
    std::string& text = judged[problem.code];
    const auto found = [&](const auto& side) {
      const auto at = side.find(problem.code);
      return at == side.end() ? std::string() : at->second;
    };
    text = found(tail_);
    // That all brokers are down is what a worker says of every cause.
    const bool repeats = tail_is_in_trouble && problem.kind == ErrorKind::down;
    if (text.empty() && !repeats) text = found(workers_);
  }
  return judged;
}

}  // namespace e2k::supervisor
