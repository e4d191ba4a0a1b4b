// SPDX-License-Identifier: Apache-2.0
// Records inside a batch. A RecordReader walks them in order and hands out views: into the batch
// itself, or into the reader's own buffer if the batch is compressed. Views die with the reader
// (and the batch). Every length is checked against the bytes left; what Kafka refuses, it refuses.
#pragma once

#include <cairn/record/compression.hpp>

namespace cairn::record {

using OptionalBytes = std::optional<BytesView>;  // Kafka's nullable bytes: null is not empty

struct Header {
  std::string_view key;
  OptionalBytes value;

  bool operator==(const Header& other) const;
};

/// The headers of a record, read as one walks: for (Header header : record.headers) ...
class HeaderList {
 public:
  class Iterator {
   public:
    using value_type = Header;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(BytesView rest, std::int32_t left) : rest_(rest), left_(left) {}
    Header operator*() const;
    Iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(const Iterator& other) const { return left_ == other.left_; }

   private:
    BytesView rest_;
    std::int32_t left_ = 0;
  };

  HeaderList() = default;
  /// REQUIRES: `bytes` holds `count` well-formed headers.
  HeaderList(BytesView bytes, std::int32_t count) : bytes_(bytes), count_(count) {}

  std::size_t size() const { return static_cast<std::size_t>(count_); }
  bool empty() const { return count_ == 0; }
  Iterator begin() const { return {bytes_, count_}; }
  Iterator end() const { return {}; }
  std::vector<Header> to_vector() const;
  /// As encoded, without the count.
  BytesView bytes() const { return bytes_; }

 private:
  BytesView bytes_;
  std::int32_t count_ = 0;
};

struct RecordView {
  Offset offset;
  std::int64_t timestamp = no_timestamp;  // the batch's maximum if it has LogAppendTime
  std::int32_t offset_delta = 0;
  OptionalBytes key;
  OptionalBytes value;
  HeaderList headers;
};

class RecordReader {
 public:
  /// Opens a batch; decompresses it if need be. corrupt_message, message_too_large,
  /// unsupported_compression_type. The batch's bytes must outlive the reader.
  static Result<RecordReader> open(const BatchView& batch, const DecompressionLimit& limit = {});

  RecordReader(RecordReader&&) = default;
  RecordReader& operator=(RecordReader&&) = default;

  /// The next record; nothing at the end or at a fault: status() tells which.
  std::optional<RecordView> next();
  /// Good when the batch's record count was read and nothing was left over; invalid_record
  /// otherwise.
  Result<> status() const;
  /// True once next() returned nothing because of a fault.
  bool failed() const { return fault_ != nullptr; }
  /// The records uncompressed, all of them.
  BytesView bytes() const { return owned_.empty() ? view_ : BytesView(owned_); }

 private:
  RecordReader(const BatchView& batch, BytesView view, Bytes owned);
  std::optional<RecordView> refuse(const char* why);

  BatchView batch_;
  BytesView view_;
  Bytes owned_;
  BytesView rest_;
  std::int32_t left_ = 0;
  const char* fault_ = nullptr;
};

/// Calls f(const RecordView&) for each record of the batch.
template <class F>
Result<> for_each_record(const BatchView& batch, const DecompressionLimit& limit, F&& f) {
  TRY(RecordReader reader, RecordReader::open(batch, limit));
  while (auto record = reader.next()) f(*record);
  return reader.status();
}

}  // namespace cairn::record
