#include "worker/registry/registrar.h"

#include <pthread.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "common/log.h"

namespace e2k::worker {
namespace {

constexpr MonotonicNs kNever{std::numeric_limits<int64_t>::max()};
constexpr size_t kMostRejectionsTold = 3;

void append_sentence(std::string& text, const std::string& sentence) {
  text += (text.empty() ? "" : "; ") + sentence;
}

// 401 and 407 are about who we are, 403 is about what we may do with a subject.
bool denies_everything(const RegistryAnswer& answer) {
  return answer.verdict == Verdict::unauthorised && answer.status != 403;
}

}  // namespace

Result<std::unique_ptr<Registrar>> Registrar::create(const ConverterOptions& options, RecordPart part,
                                                     SchemaDocument schema, const Doorbell& bell,
                                                     RetryPauses pauses) {
  auto settings = config::read_registry_settings(options, part);
  if (!settings) return tl::unexpected(settings.error());
  if (auto problem = strategy_problem(*settings, part, schema)) return fail(std::move(*problem));
  auto client = RegistryClient::create(*settings);
  if (!client) return tl::unexpected(client.error());
  return std::unique_ptr<Registrar>(
      new Registrar(std::move(*settings), part, std::move(schema), std::move(*client), bell, pauses));
}

Registrar::Registrar(RegistrySettings settings, RecordPart part, SchemaDocument schema,
                     std::unique_ptr<RegistryClient> client, const Doorbell& bell, RetryPauses pauses)
    : settings_(std::move(settings)),
      part_(part),
      schema_(std::move(schema)),
      client_(std::move(client)),
      bell_(bell),
      pauses_(pauses),
      thread_([this] { run(); }) {}

Registrar::~Registrar() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  client_->abort();
  wake_.notify_all();
  thread_.join();
}

std::optional<int32_t> Registrar::id_for(const std::string& topic) {
  std::lock_guard lock(mutex_);
  const auto met = topics_.find(topic);
  if (met != topics_.end()) return met->second->id;
  std::string name = subject_of(settings_, part_, topic, schema_);
  const auto [place, is_new] = subjects_.try_emplace(name);
  Subject& subject = place->second;
  topics_.emplace(topic, &subject);
  if (is_new) {
    subject.name = std::move(name);
    wanted_.push_back(&subject);
    wake_.notify_one();
  }
  return subject.id;
}

uint64_t Registrar::news() const {
  std::lock_guard lock(mutex_);
  return news_;
}

std::string Registrar::problem() const {
  std::lock_guard lock(mutex_);
  std::string text;
  size_t told = 0;
  for (const auto& [name, subject] : troubled_) {
    if (told++ == kMostRejectionsTold) break;
    append_sentence(text, subject->rejection);
  }
  if (troubled_.size() > kMostRejectionsTold)
    text += " (and " + std::to_string(troubled_.size() - kMostRejectionsTold) + " more subjects)";
  if (denied_)
    append_sentence(text, "nothing else is asked meanwhile, since failed logins may lock the account");
  if (!outage_.empty())
    append_sentence(text, "the schema registry is unavailable and asked again: " + outage_ + outage_is_for_);
  else if (!silent_.empty())
    append_sentence(text, "the schema registry has not answered yet: " + silent_);
  return text;
}

void Registrar::run() {
  ::pthread_setname_np(::pthread_self(), "registry");
  std::unique_lock lock(mutex_);
  while (!ending_) {
    const MonotonicNs due = next_due();
    if (due == kNever) {
      wake_.wait(lock);
      continue;
    }
    const int64_t pause_ns = due.value - monotonic_now().value;
    if (pause_ns > 0) {
      wake_.wait_for(lock, std::chrono::nanoseconds(pause_ns));
      continue;
    }
    // Subjects stay where they are, and their names are written once.
    Subject& subject = take_next();
    lock.unlock();
    const RegistryAnswer answer = ask(subject.name);
    lock.lock();
    if (!ending_) settle(subject, answer);
  }
}

RegistryAnswer Registrar::ask(const std::string& subject) {
  const MonotonicNs asked = monotonic_now();
  RegistryAnswer answer = client_->ask(request_for(settings_, subject, schema_),
                                       [&](const std::string& base) { note_waiting(asked, base); });
  return settings_.question == Question::latest ? judge_latest(std::move(answer), schema_) : answer;
}

void Registrar::note_waiting(MonotonicNs asked, const std::string& base) {
  const std::chrono::nanoseconds waited(monotonic_now().value - asked.value);
  std::lock_guard lock(mutex_);
  if (waited < pauses_.told_after || silent_ == base) return;
  silent_ = base;
  bell_.ring();
}

// When the next question is due. The registry's pause is everybody's.
MonotonicNs Registrar::next_due() const {
  MonotonicNs due = wanted_.empty() ? kNever : MonotonicNs{0};
  if (!rejected_.empty()) due = std::min(due, rejected_.front()->retry.due);
  return std::max(due, registry_.due);
}

// There may be no end of wanted ones, nor of rejected ones. Denied credentials are tried with the same
// subject.
Registrar::Subject& Registrar::take_next() {
  const bool due = !rejected_.empty() && rejected_.front()->retry.due <= monotonic_now();
  const bool again = wanted_.empty() || (due && (denied_ || again_next_));
  again_next_ = !again;
  std::deque<Subject*>& queue = again ? rejected_ : wanted_;
  Subject& subject = *queue.front();
  queue.pop_front();
  return subject;
}

void Registrar::settle(Subject& subject, const RegistryAnswer& answer) {
  const MonotonicNs now = monotonic_now();  // one for both, so that who was denied is due with everybody
  note_registry(subject, answer, now);
  switch (answer.verdict) {
    case Verdict::ok:
      note_known(subject, answer.id);
      break;
    case Verdict::refused:
    case Verdict::unauthorised:
      note_rejected(subject, answer, now);
      break;
    case Verdict::unavailable:
      wanted_.push_back(&subject);
      break;
  }
}

void Registrar::note_registry(const Subject& subject, const RegistryAnswer& answer, MonotonicNs now) {
  const bool away = answer.verdict == Verdict::unavailable;
  const bool denied = denies_everything(answer);
  const RetryEvent event = away     ? RetryEvent::unavailable
                           : denied ? RetryEvent::rejected
                                    : RetryEvent::answered;
  registry_ = step(registry_, event, now, static_cast<uint32_t>(chance_() << 1), pauses_);
  if (denied_ != denied || !silent_.empty()) bell_.ring();
  denied_ = denied;
  silent_.clear();
  if (away)
    note_outage(subject.name, answer);
  else
    note_answering();
}

// Subjects take turns: one whose turn brings the same words changes nothing.
void Registrar::note_outage(const std::string& subject, const RegistryAnswer& answer) {
  if (outage_ == answer.words) return;
  const bool begins = outage_.empty();
  outage_ = answer.words;
  outage_is_for_ = answer.status == 0 ? "" : ", when asked for the subject " + log::quoted(subject);
  if (begins) log::warn("registry.unavailable reason={}", log::quoted(outage_ + outage_is_for_));
  bell_.ring();
}

void Registrar::note_answering() {
  if (outage_.empty()) return;
  outage_.clear();
  outage_is_for_.clear();
  log::info("registry.answers");
  bell_.ring();
}

void Registrar::note_known(Subject& subject, int32_t id) {
  subject.id = id;
  subject.retry = {};
  subject.rejection.clear();
  troubled_.erase(subject.name);
  ++news_;
  bell_.ring();
  log::info("schema.id_known subject={} id={}", log::quoted(subject.name), id);
}

void Registrar::note_rejected(Subject& subject, const RegistryAnswer& answer, MonotonicNs now) {
  std::string why = explain(answer, settings_.question, subject.name);
  subject.retry = step(subject.retry, RetryEvent::rejected, now, 0, pauses_);
  rejected_.push_back(&subject);
  if (subject.rejection == why) return;
  subject.rejection = std::move(why);
  troubled_[subject.name] = &subject;
  log::warn("schema.rejected subject={} reason={}", log::quoted(subject.name),
            log::quoted(subject.rejection));
  bell_.ring();
}

}  // namespace e2k::worker
