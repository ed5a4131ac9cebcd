#include "sql/batch.hpp"

#include "batch_impl.hpp"

namespace millrace::sql {
namespace {

const std::shared_ptr<const Layout>& EmptyLayout() {
  static const auto layout = std::make_shared<const Layout>();
  return layout;
}

/// As the vectors have them: results of statements need not be canonical.
std::vector<LogicalType> TypesOf(const Batch::Impl& batch) {
  std::vector<LogicalType> types;
  if (batch.blocks.empty()) return types;
  for (const auto& column : batch.blocks.front().columns) {
    types.emplace_back(duckdb_vector_get_column_type(column.vector));
  }
  return types;
}

std::uint64_t BytesIn(const ColumnType& type, const VectorView& view,
                      std::uint64_t rows) {
  constexpr std::size_t kInlined = 12;
  std::uint64_t bytes = rows * WidthOf(type.physical);
  if (type.physical == Physical::kString) {
    for (std::uint64_t row = 0; row < rows; ++row) {
      const auto size = view.null(row) ? 0 : ReadText(view.data, row).size();
      if (size > kInlined) bytes += size;
    }
  } else if (type.physical == Physical::kList) {
    const auto child = VectorView::Of(duckdb_list_vector_get_child(view.vector));
    bytes += BytesIn(type.children[0], child, duckdb_list_vector_get_size(view.vector));
  } else if (type.physical == Physical::kStruct) {
    for (std::size_t i = 0; i < type.children.size(); ++i) {
      const auto child = VectorView::Of(duckdb_struct_vector_get_child(view.vector, i));
      bytes += BytesIn(type.children[i], child, rows);
    }
  }
  return bytes;
}

/// Copies runs of selected rows that lie in one source block at a time.
class Copier {
 public:
  Copier(const Batch::Impl& source, Batch::Impl& target)
      : source_(source),
        target_(target),
        types_(TypesOf(source)),
        indexes_(duckdb_create_selection_vector(kBlockRows)) {}
  ~Copier() { duckdb_destroy_selection_vector(indexes_); }
  Copier(const Copier&) = delete;
  Copier& operator=(const Copier&) = delete;

  void Copy(const std::uint32_t* rows, std::size_t count) {
    Chunk chunk = MakeChunk(types_);
    for (std::size_t done = 0; done < count;) done += CopyRun(rows, count, done, chunk);
    duckdb_data_chunk_set_size(chunk.get(), count);
    target_.Add(std::move(chunk));
  }

 private:
  std::size_t CopyRun(const std::uint32_t* rows, std::size_t count, std::size_t done,
                      const Chunk& chunk) {
    const Block& block = source_.BlockOf(rows[done]);
    auto* indexes = duckdb_selection_vector_get_data_ptr(indexes_);
    std::size_t run = 0;
    while (done + run < count && rows[done + run] - block.start < block.rows) {
      indexes[run] = static_cast<sel_t>(rows[done + run] - block.start);
      ++run;
    }
    for (std::size_t c = 0; c < block.columns.size(); ++c) {
      duckdb_vector_copy_sel(block.columns[c].vector,
                             duckdb_data_chunk_get_vector(chunk.get(), c), indexes_, run,
                             0, done);
    }
    return run;
  }

  const Batch::Impl& source_;
  Batch::Impl& target_;
  std::vector<LogicalType> types_;
  duckdb_selection_vector indexes_;
};

}  // namespace

Block Block::Of(Chunk chunk, std::size_t start) {
  Block block;
  block.start = start;
  block.rows = duckdb_data_chunk_get_size(chunk.get());
  const idx_t count = duckdb_data_chunk_get_column_count(chunk.get());
  block.columns.reserve(count);
  for (idx_t c = 0; c < count; ++c) {
    block.columns.push_back(VectorView::Of(duckdb_data_chunk_get_vector(chunk.get(), c)));
  }
  block.chunk = std::move(chunk);
  return block;
}

void TextArena::Grow(std::size_t needed) {
  constexpr std::size_t kPage = 64u << 10u;
  left_ = std::max(needed, kPage);
  pages_.push_back(std::make_unique_for_overwrite<char[]>(left_));
  next_ = pages_.back().get();
}

void Batch::Impl::Add(Chunk chunk) {
  blocks.push_back(Block::Of(std::move(chunk), rows));
  rows += blocks.back().rows;
}

std::uint64_t Batch::Impl::BytesOf(std::size_t column) const {
  std::uint64_t bytes = 0;
  for (const auto& block : blocks) {
    bytes += BytesIn(layout->types[column], block.columns[column], block.rows);
  }
  return bytes;
}

const Block& Batch::Impl::Seek(std::size_t row) const {
  const auto after = std::ranges::upper_bound(blocks, row, {}, &Block::start);
  current = static_cast<std::size_t>(after - blocks.begin()) - 1;
  return blocks[current];
}

Chunk MakeChunk(const std::vector<LogicalType>& types) {
  std::vector<duckdb_logical_type> handles;
  handles.reserve(types.size());
  for (const auto& type : types) handles.push_back(type.get());
  return Chunk(duckdb_create_data_chunk(handles.data(), handles.size()));
}

std::vector<LogicalType> MakeLogicalTypes(const schema::Columns& columns) {
  std::vector<LogicalType> types;
  types.reserve(columns.size());
  for (const auto& column : columns) types.push_back(MakeLogicalType(column.type));
  return types;
}

Batch::Batch() : impl_(std::make_unique<Impl>()) { impl_->layout = EmptyLayout(); }
Batch::Batch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Batch::Batch(Batch&&) noexcept = default;
Batch& Batch::operator=(Batch&&) noexcept = default;
Batch::~Batch() = default;

std::size_t Batch::rows() const { return impl_->rows; }
const schema::Columns& Batch::columns() const { return impl_->layout->columns; }

int Batch::Find(std::string_view column) const {
  const auto& names = columns();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].name == column) return static_cast<int>(i);
  }
  return -1;
}

bool Batch::IsNull(std::size_t column, std::size_t row) const {
  const Block& block = impl_->BlockOf(row);
  return block.columns[column].null(row - block.start);
}

std::int64_t Batch::Int64(std::size_t column, std::size_t row) const {
  const Block& block = impl_->BlockOf(row);
  return ReadInt64(impl_->layout->types[column].physical, block.columns[column].data,
                   row - block.start);
}

double Batch::Double(std::size_t column, std::size_t row) const {
  const Block& block = impl_->BlockOf(row);
  const void* data = block.columns[column].data;
  if (impl_->layout->types[column].physical == Physical::kFloat) {
    return static_cast<double>(static_cast<const float*>(data)[row - block.start]);
  }
  return static_cast<const double*>(data)[row - block.start];
}

std::string_view Batch::Text(std::size_t column, std::size_t row) const {
  const Block& block = impl_->BlockOf(row);
  return ReadText(block.columns[column].data, row - block.start);
}

void Batch::AppendJson(std::string& out, std::size_t column, std::size_t row) const {
  const Block& block = impl_->BlockOf(row);
  AppendValueJson(out, impl_->layout->types[column], block.columns[column],
                  row - block.start);
}

Batch Batch::Select(const std::vector<std::uint32_t>& selection) const {
  auto target = std::make_unique<Impl>();
  target->layout = impl_->layout;
  Copier copier(*impl_, *target);
  for (std::size_t at = 0; at < selection.size(); at += kBlockRows) {
    copier.Copy(selection.data() + at, std::min(kBlockRows, selection.size() - at));
  }
  return Batch(std::move(target));
}

}  // namespace millrace::sql
