#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "canonical_decoder.hpp"
#include "schema/collection.hpp"
#include "value.hpp"

namespace millrace::pipeline {

/// A field that does not have the type that the collection declares now.
struct Drift {
  std::string field;
  std::string reason;  ///< "field amount: expected decimal(10,2), found …"
};

/// Decodes chosen fields of a collection's documents. Fields that the document lacks are
/// null where the collection does not require them (they are newer than the document);
/// fields that the collection does not know are passed over. One thread.
class DocumentDecoder {
 public:
  /// `columns`: indexes of collection.DocumentColumns(), any order, each once.
  DocumentDecoder(const schema::Collection& collection, std::vector<std::size_t> columns);
  ~DocumentDecoder();

  /// Fills values()[i] with column `columns[i]`. `document` has 64 readable bytes behind
  /// it. Texts are valid as long as the document; those with escapes, which lie outside
  /// of it, until the next call.
  std::optional<Drift> Decode(std::string_view document);
  const std::vector<Value>& values() const { return values_; }
  /// Which of the columns the document has, after Decode.
  const std::vector<bool>& present() const { return present_; }
  const std::vector<std::size_t>& columns() const { return columns_; }
  const schema::TypedName& column(std::size_t i) const { return document_[columns_[i]]; }

 private:
  struct Parser;
  std::optional<Drift> DecodeFields(std::string_view document);
  std::optional<Drift> FillAbsent();
  std::size_t SlotOf(std::string_view name);

  schema::Columns document_;
  std::vector<std::size_t> columns_;
  CanonicalDecoder canonical_;
  std::vector<bool> required_;      ///< by column of the document
  std::vector<std::size_t> slots_;  ///< by column of the document; kNone: not wanted
  std::vector<Value> values_;
  std::vector<bool> present_;
  std::size_t expected_ = 0;  ///< the column that a canonical document has next
  std::unique_ptr<Parser> parser_;
};

}  // namespace millrace::pipeline
