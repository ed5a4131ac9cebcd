#include <cassert>

#include "batch_impl.hpp"
#include "sql/batch.hpp"

namespace millrace::sql {

struct BatchBuilder::Impl {
  struct Slot {
    char* data = nullptr;
    std::uint64_t* validity = nullptr;
    duckdb_vector vector = nullptr;
    Physical physical = Physical::kUnreadable;
    bool nested = false;
  };

  std::shared_ptr<const Layout> layout;
  std::vector<LogicalType> types;
  std::vector<Slot> slots;
  std::unique_ptr<Batch::Impl> batch;
  Chunk chunk;          ///< being filled; null between blocks
  std::size_t row = 0;  ///< of the chunk

  void StartBatch();
  void StartChunk();
  void CloseChunk();
  template <typename T>
  void Set(std::size_t column, Physical physical, T value) {
    assert(slots[column].physical == physical);
    static_cast<void>(physical);
    if (!chunk) StartChunk();
    reinterpret_cast<T*>(slots[column].data)[row] = value;
  }
};

void BatchBuilder::Impl::StartBatch() {
  batch = std::make_unique<Batch::Impl>();
  batch->layout = layout;
}

void BatchBuilder::Impl::StartChunk() {
  chunk = MakeChunk(types);
  for (std::size_t c = 0; c < slots.size(); ++c) {
    auto& slot = slots[c];
    slot.vector = duckdb_data_chunk_get_vector(chunk.get(), c);
    slot.data = static_cast<char*>(duckdb_vector_get_data(slot.vector));
    slot.validity = nullptr;
  }
  row = 0;
}

void BatchBuilder::Impl::CloseChunk() {
  if (!chunk || row == 0) return;
  duckdb_data_chunk_set_size(chunk.get(), row);
  batch->Add(std::move(chunk));
  row = 0;
}

BatchBuilder::BatchBuilder(schema::Columns columns, std::size_t expected_rows)
    : impl_(std::make_unique<Impl>()) {
  impl_->types = MakeLogicalTypes(columns);
  impl_->layout = Layout::Of(std::move(columns));
  for (const auto& type : impl_->layout->types) {
    auto& slot = impl_->slots.emplace_back();
    slot.physical = type.physical;
    slot.nested = !type.type.scalar();
  }
  impl_->StartBatch();
  impl_->batch->blocks.reserve(expected_rows / kBlockRows + 1);
}

BatchBuilder::BatchBuilder(BatchBuilder&&) noexcept = default;
BatchBuilder::~BatchBuilder() = default;

void BatchBuilder::SetNull(std::size_t column) {
  if (!impl_->chunk) impl_->StartChunk();
  auto& slot = impl_->slots[column];
  if (slot.nested) {
    WriteNull(impl_->layout->columns[column].type, slot.vector, impl_->row);
  } else if (slot.validity == nullptr) {
    duckdb_vector_ensure_validity_writable(slot.vector);
  }
  if (slot.validity == nullptr) slot.validity = duckdb_vector_get_validity(slot.vector);
  slot.validity[impl_->row / 64] &= ~(std::uint64_t{1} << (impl_->row % 64));
}

void BatchBuilder::SetBool(std::size_t column, bool value) {
  impl_->Set(column, Physical::kBool, value);
}

void BatchBuilder::SetInt(std::size_t column, std::int64_t value) {
  if (impl_->slots[column].physical == Physical::kInt32) {
    impl_->Set(column, Physical::kInt32, static_cast<std::int32_t>(value));
  } else {
    impl_->Set(column, Physical::kInt64, value);
  }
}

void BatchBuilder::SetDouble(std::size_t column, double value) {
  impl_->Set(column, Physical::kDouble, value);
}

void BatchBuilder::SetDecimal(std::size_t column, Int128 unscaled) {
  const Physical physical = impl_->slots[column].physical;
  if (physical == Physical::kInt16) {
    impl_->Set(column, physical, static_cast<std::int16_t>(unscaled));
  } else if (physical == Physical::kInt32) {
    impl_->Set(column, physical, static_cast<std::int32_t>(unscaled));
  } else if (physical == Physical::kInt64) {
    impl_->Set(column, physical, static_cast<std::int64_t>(unscaled));
  } else {
    const duckdb_hugeint value{static_cast<std::uint64_t>(unscaled),
                               static_cast<std::int64_t>(unscaled >> 64)};
    impl_->Set(column, Physical::kInt128, value);
  }
}

void BatchBuilder::SetUuid(std::size_t column, const Uuid& value) {
  impl_->Set(column, Physical::kUuid, PackUuid(value));
}

void BatchBuilder::SetText(std::size_t column, std::string_view value) {
  duckdb_string_t text{};
  text.value.inlined.length = static_cast<std::uint32_t>(value.size());
  if (value.size() <= sizeof(text.value.inlined.inlined)) {
    if (!value.empty())
      std::memcpy(text.value.inlined.inlined, value.data(), value.size());
  } else {
    std::memcpy(text.value.pointer.prefix, value.data(),
                sizeof(text.value.pointer.prefix));
    // The engine only reads it.
    text.value.pointer.ptr = const_cast<char*>(impl_->batch->texts.Copy(value));
  }
  impl_->Set(column, Physical::kString, text);
}

Status BatchBuilder::SetLiteral(std::size_t column, std::string_view literal) {
  if (literal == "null") {
    SetNull(column);
    return {};
  }
  if (!impl_->chunk) impl_->StartChunk();
  return WriteLiteral(impl_->layout->columns[column].type, impl_->slots[column].vector,
                      impl_->row, literal);
}

void BatchBuilder::EndRow() {
  if (!impl_->chunk) impl_->StartChunk();
  if (++impl_->row == kBlockRows) impl_->CloseChunk();
}

void BatchBuilder::AbandonRow() {
  const std::uint64_t bit = std::uint64_t{1} << (impl_->row % 64);
  if (!impl_->chunk) return;
  for (std::size_t c = 0; c < impl_->slots.size(); ++c) {
    auto& slot = impl_->slots[c];
    if (slot.nested) {
      WriteValid(impl_->layout->columns[c].type, slot.vector, impl_->row);
    } else if (slot.validity != nullptr) {
      slot.validity[impl_->row / 64] |= bit;
    }
  }
}

std::size_t BatchBuilder::rows() const { return impl_->batch->rows + impl_->row; }

Batch BatchBuilder::Finish() {
  impl_->CloseChunk();
  Batch batch(std::move(impl_->batch));
  impl_->StartBatch();
  return batch;
}

}  // namespace millrace::sql
