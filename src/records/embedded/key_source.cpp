#include "key_source.hpp"

#include <algorithm>
#include <limits>

#include "record_key.hpp"

namespace millrace::records {
namespace {

std::int64_t MaxKey(const schema::Collection& collection) {
  return collection.key_field().type.kind == schema::Kind::kInteger
             ? std::numeric_limits<std::int32_t>::max()
             : std::numeric_limits<std::int64_t>::max();
}

}  // namespace

Result<std::string> KeySource::Next(const schema::Collection& collection,
                                    CollectionState& state) {
  std::string key;
  switch (collection.key_field().generate) {
    case schema::Generate::kUuidV7:
      AppendUuid(key, ids_.UuidV7());
      return key;
    case schema::Generate::kObjectId:
      return ids_.ObjectId();
    case schema::Generate::kSequence:
      if (state.sequence >= MaxKey(collection)) {
        return Fail(ErrorCode::kConflict, "the sequence of keys is at its end");
      }
      return std::to_string(++state.sequence);
    case schema::Generate::kNone:
      break;
  }
  return Fail(Error(ErrorCode::kInvalidArgument, "the key is missing",
                    {{"/" + collection.key, "required"}}));
}

void KeySource::Seen(const schema::Collection& collection, std::string_view key,
                     CollectionState& state) {
  if (collection.key_field().generate != schema::Generate::kSequence) return;
  const auto value = IntegerKey(key);
  // One client could end the sequence for all: it comes to the upper half by itself only.
  if (value && *value <= std::max(MaxKey(collection) / 2, state.sequence + 1)) {
    state.sequence = std::max(state.sequence, *value);
  }
}

}  // namespace millrace::records
