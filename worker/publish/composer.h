// Shell. Makes the bytes of a Kafka record out of an event: key, value, stamp and header.
//
// One thread, the publisher's. What a Composed points to is good until the next call.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "worker/encode/buffer.h"
#include "worker/publish/converters.h"
#include "worker/publish/record_stamp.h"
#include "worker/publish/text_store.h"
#include "worker/publish/topic.h"
#include "worker/spool/record.h"

namespace e2k::worker {

struct Composed {
  std::string_view key, value;
  int64_t stamp_unix_ns = 0;
  bool restamped = false;
  std::string_view stamp_header;  // empty: none
};

class Composer {
public:
  // `stamp_header`: value records carry the IOC's stamp as the header kStampHeader. `bell` outlives the
  // composer.
  Composer(Converters converters, StampRules rules, bool stamp_header)
      : converters_(std::move(converters)), rules_(rules), stamp_header_(stamp_header) {}

  // Nothing: a converter can't express the event. `texts` holds the entry's key.
  std::optional<Composed> compose(const spool::RecordView& record, OutputEntry& entry,
                                  const OutputNames& names, TextStore& texts);
  // An error record that stands in no log.
  std::optional<Composed> compose_error(std::string_view text, int64_t stamp_unix_ns, OutputEntry& entry,
                                        const OutputNames& names, TextStore& texts);

  const Converters& converters() const { return converters_; }

private:
  bool encode_key(OutputEntry& entry, TextStore& texts);
  RecordStamp stamp_of(const spool::RecordView& record) const;
  EventView view_of(const OutputEntry& entry, const OutputNames& names) const;

  const Converters converters_;
  const StampRules rules_;
  const bool stamp_header_;
  Buffer buffer_;
  char stamp_text_[20];  // 64 bits in decimal
};

}  // namespace e2k::worker
