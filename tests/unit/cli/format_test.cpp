// SPDX-License-Identifier: Apache-2.0
#include "src/cli/format.hpp"

#include <gtest/gtest.h>

#include <cairn/record/builder.hpp>

#include "src/cli/output.hpp"

namespace cairn::cli {
namespace {

/// One record and the batch that backs it.
class FormatTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const record::Header headers[] = {{"h1", as_bytes("one")}, {"h2", std::nullopt}};
    record::BatchOptions options;
    options.base_offset = Offset(42);
    record::BatchBuilder builder(options);
    builder.append(1700000000123, as_bytes("key"), as_bytes("va\"lue"), headers);
    builder.append(1700000000124, std::nullopt, std::nullopt);
    batch_ = builder.build();
    reader_.emplace(*record::RecordReader::open(record::BatchView::trusted(batch_)));
    first = *reader_->next();
    second = *reader_->next();
  }

  std::string formatted(std::string_view text, const record::RecordView& record) {
    std::string why;
    const auto format = RecordFormat::parse(text, why);
    EXPECT_TRUE(format) << why;
    std::string out;
    format->append(out, partition, record);
    return out;
  }

  TopicPartition partition{"orders", PartitionIndex(3)};
  record::RecordView first;
  record::RecordView second;

 private:
  Bytes batch_;
  std::optional<record::RecordReader> reader_;
};

TEST_F(FormatTest, writes_every_field) {
  EXPECT_EQ(formatted("%t/%p@%o %k=%s %T %K %S %h\\n", first),
            "orders/3@42 key=va\"lue 1700000000123 3 6 h1=one,h2=NULL\n");
}

TEST_F(FormatTest, gives_null_no_text_and_length_minus_one) {
  EXPECT_EQ(formatted("[%k|%s|%K|%S|%h]", second), "[||-1|-1|]");
}

TEST_F(FormatTest, understands_escapes_and_percent_signs) {
  EXPECT_EQ(formatted("100%%\\t\\x41\\\\\\0", first), std::string("100%\tA\\\0", 8));
}

TEST_F(FormatTest, writes_binary_lengths) {
  EXPECT_EQ(formatted("%R", first), std::string("\0\0\0\6", 4));
}

TEST_F(FormatTest, refuses_unknown_fields_and_escapes_and_says_which_there_are) {
  std::string why;
  EXPECT_FALSE(RecordFormat::parse("%q", why));
  EXPECT_NE(why.find("%q"), std::string::npos);
  EXPECT_FALSE(RecordFormat::parse("100%", why));
  EXPECT_FALSE(RecordFormat::parse("\\y", why));
  EXPECT_FALSE(RecordFormat::parse("\\x4", why));
}

TEST_F(FormatTest, writes_json_with_nulls_and_escapes) {
  std::string out;
  append_json(out, partition, first);
  EXPECT_EQ(out,
            "{\"topic\":\"orders\",\"partition\":3,\"offset\":42,\"timestamp\":1700000000123,"
            "\"headers\":[{\"key\":\"h1\",\"value\":\"one\"},{\"key\":\"h2\",\"value\":null}],"
            "\"key\":\"key\",\"value\":\"va\\\"lue\"}\n");
  out.clear();
  append_json(out, partition, second);
  EXPECT_NE(out.find("\"key\":null,\"value\":null"), std::string::npos);
}

TEST(StartPoint, reads_all_its_forms) {
  using Kind = StartPoint::Kind;
  EXPECT_EQ(StartPoint::parse("beginning")->kind, Kind::beginning);
  EXPECT_EQ(StartPoint::parse("end")->kind, Kind::end);
  EXPECT_EQ(StartPoint::parse("17")->number, 17);
  EXPECT_EQ(StartPoint::parse("-17")->kind, Kind::before_end);
  EXPECT_EQ(StartPoint::parse("-17")->number, 17);
  EXPECT_EQ(StartPoint::parse("@1700000000123")->number, 1700000000123);
  EXPECT_EQ(StartPoint::parse("@2023-11-14")->number, 1699920000000);
  EXPECT_EQ(StartPoint::parse("@2023-11-14T22:13:20Z")->number, 1700000000000);
  EXPECT_EQ(StartPoint::parse("@2023-11-14T22:13:20.123")->number, 1700000000123);
}

TEST(StartPoint, refuses_what_is_none) {
  for (const char* text : {"", "x", "1x", "@", "@2023-13-01", "@2023-11-14T22", "--1"}) {
    EXPECT_FALSE(StartPoint::parse(text)) << text;
  }
}

TEST(Json, is_valid_whatever_the_text_holds) {
  Json json;
  json.begin_array().value("a\"b\\c\n\x01").value("\xff\xc3\xa9\xed\xa0\x80").value(1.5);
  json.begin_object().field("k", true).key("n").null().end_object().end_array();
  EXPECT_EQ(
      json.text(),
      "[\"a\\\"b\\\\c\\n\\u0001\",\"\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
      "1.5,{\"k\":true,\"n\":null}]");
}

TEST(Table, is_as_wide_as_its_content) {
  Table table({"NAME", ">COUNT"});
  table.add({"a", "1"});
  table.add({"longer", "1000000"});
  EXPECT_EQ(table.text(),
            "NAME      COUNT\n"
            "a             1\n"
            "longer  1000000\n");
  EXPECT_EQ(table.json(), "[{\"name\":\"a\",\"count\":1},{\"name\":\"longer\",\"count\":1000000}]");
}

}  // namespace
}  // namespace cairn::cli
