#include <algorithm>

#include "lookup_state.hpp"
#include "schema/record_codec.hpp"

/// How a lookup is built where the log has dropped the beginning.
namespace millrace::pipeline {

/// The store's text may end where the page ends; the parser reads beyond.
std::string_view LookupState::Pad(std::string_view document) {
  padded_.assign(document);
  padded_.append(schema::kJsonPadding, ' ');
  return {padded_.data(), document.size()};
}

Status LookupState::Refill(Offset first) {
  cache_.Clear();
  all_cached_ = false;
  complete_ = {};
  MR_CHECK_OK(store_.Clear(0));
  MR_CHECK_OK(store_.Begin());
  const auto records = PutRecords();
  Status filled;
  if (records) {
    filled = store_.Commit(first, {});
  } else {
    filled = Fail(records.error());
  }
  if (!filled) {
    store_.Rollback();
    return std::unexpected(std::move(filled).error().During("lookup " + name_));
  }
  services_.logger.Info("lookup is built from the records: the log begins later",
                        {{"lookup", name_}, {"records", *records}, {"log", first}});
  services_.retention.SetReader("lookup/" + name_, stream_, first);
  return {};
}

Result<std::uint64_t> LookupState::PutRecords() {
  std::uint64_t count = 0;
  Status put;
  const auto take = [&](const records::ScannedRecord& record) {
    if (const auto drift = key_decoder_.Decode(Pad(record.document))) {
      services_.logger.Error(
          "lookup cannot use a record",
          {{"lookup", name_}, {"key", record.key}, {"why", drift->reason}});
      return true;
    }
    key_.clear();
    const bool has = std::ranges::all_of(key_decoder_.values(), [&](const Value& value) {
      return AppendKey(key_, value);
    });
    if (!has) return true;
    put = store_.Put(key_, record.version, record.document);
    ++count;
    return put.has_value();
  };
  MR_CHECK_OK(services_.records.Scan(collection_.name, take));
  MR_CHECK_OK(put);
  return count;
}

Status LookupState::PutBefore(const change::Event& event) {
  MR_TRY(const bool known, store_.HasBelow(old_key_, event.version));
  if (known) return {};
  return PutVersion(old_key_, Version{}, event.before, true);
}

}  // namespace millrace::pipeline
