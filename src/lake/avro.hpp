#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::lake {

/// Values in Avro's binary encoding, one after the other: a record is its fields in the
/// order of its schema.
class AvroEncoder {
 public:
  void Number(std::int64_t value);     ///< int and long
  void Text(std::string_view value);   ///< string and bytes
  void Branch(std::int64_t index);     ///< of a union; its value follows
  void BeginItems(std::size_t count);  ///< of an array; none: EndItems alone
  void EndItems();
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// An object container file without compression: one block of `records`, each encoded as
/// `schema` (JSON) says.
std::string AvroContainer(const std::string& schema,
                          std::map<std::string, std::string> metadata,
                          const std::vector<std::string>& records);

}  // namespace millrace::lake
