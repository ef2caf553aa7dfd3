// Shell. The ids of one part's schema, from a registry, by a thread of its own ("registry").
//
// A subject is asked for once, when the first topic of it is met; topics may share one. What then becomes of
// it:
//   wanted    waits for its turn. While no registry answers, all that are wanted wait for the same pause
//             (retry_policy.h), and take turns, so that one that a server chokes on holds up no other
//   known     for as long as this object lives
//   rejected  refused, or not ours to see: asked again after RetryPauses::rejected, never sooner, and in
//   turns
//             with those that are wanted. Its reason is part of problem() until it is known, whatever becomes
//             of others
// Where nobody knows our credentials (401, 407), all questions wait for that pause; then one of them, the
// denied one, tries again, and the others go on when it gets another answer.
//
// The bell rings, and must outlive this object, when an id becomes known and when problem() changes. There
// are at most as many topics and subjects as the configuration has. The destructor gives up a question under
// way.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>

#include "common/result.h"
#include "worker/encode/encoder.h"
#include "worker/registry/registry_client.h"
#include "worker/registry/registry_subject.h"
#include "worker/registry/retry_policy.h"
#include "worker/schema_ids.h"
#include "worker/spool/doorbell.h"

namespace e2k::worker {

class Registrar final : public SchemaIds {
public:
  // Fails on options only: the registry itself may be away. `pauses`: shortened in tests.
  static Result<std::unique_ptr<Registrar>> create(const ConverterOptions& options, RecordPart part,
                                                   SchemaDocument schema, const Doorbell& bell,
                                                   RetryPauses pauses = {});
  ~Registrar() override;

  std::optional<int32_t> id_for(const std::string& topic) override;
  uint64_t news() const override;
  std::string problem() const override;

private:
  struct Subject {
    std::string name;
    std::optional<int32_t> id;
    RetryState retry;
    std::string rejection;  // "": none
  };

  Registrar(RegistrySettings settings, RecordPart part, SchemaDocument schema,
            std::unique_ptr<RegistryClient> client, const Doorbell& bell, RetryPauses pauses);

  void run();
  MonotonicNs next_due() const;
  RegistryAnswer ask(const std::string& subject);
  void note_waiting(MonotonicNs asked, const std::string& base);
  Subject& take_next();
  void settle(Subject& subject, const RegistryAnswer& answer);
  void note_registry(const Subject& subject, const RegistryAnswer& answer, MonotonicNs now);
  void note_outage(const std::string& subject, const RegistryAnswer& answer);
  void note_answering();
  void note_known(Subject& subject, int32_t id);
  void note_rejected(Subject& subject, const RegistryAnswer& answer, MonotonicNs now);

  const RegistrySettings settings_;
  const RecordPart part_;
  const SchemaDocument schema_;
  const std::unique_ptr<RegistryClient> client_;
  const Doorbell& bell_;
  const RetryPauses pauses_;

  mutable std::mutex mutex_;  // of everything below, except the thread
  std::condition_variable wake_;
  bool ending_ = false;
  uint64_t news_ = 0;
  std::unordered_map<std::string, Subject*> topics_;
  std::map<std::string, Subject> subjects_;   // never shrinks
  std::map<std::string, Subject*> troubled_;  // those with a rejection, by name
  std::deque<Subject*> wanted_;               // in turn
  std::deque<Subject*> rejected_;             // the soonest due first: all pauses are alike
  bool again_next_ = true;                    // of rejected_ and wanted_, where both are due
  RetryState registry_;
  bool denied_ = false;        // our credentials are not known
  std::string silent_;         // the address that leaves a question unanswered for long; "": none
  std::string outage_;         // what the registries' addresses say; "": one answers
  std::string outage_is_for_;  // how the subject is named with which an address answered that; may be ""
  std::minstd_rand chance_{std::random_device{}()};
  std::thread thread_;
};

}  // namespace e2k::worker
