// Shell. The ids that a schema registry gives to the schema of one part (key or value) of the records.
//
// Implemented by worker/registry, on a thread of its own: asking takes as long as it takes, and the publisher
// never waits. Replaced in tests of the publisher. All functions may be called by any thread and return at
// once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace e2k::worker {

class SchemaIds {
public:
  virtual ~SchemaIds() = default;

  // The id for records of that topic (its name as Kafka knows it). Nothing: it is not known yet; it is being
  // asked for, and the publisher's bell rings when there is news.
  virtual std::optional<int32_t> id_for(const std::string& topic) = 0;
  // Counts what has become known; unchanged: id_for() answers as before.
  virtual uint64_t news() const = 0;
  // Why ids are missing, for people: which registry or which subject, in the registry's own words, and what
  // helps. "" when nothing is amiss. Never holds a credential.
  virtual std::string problem() const = 0;
};

}  // namespace e2k::worker
