#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "objects/object_store.hpp"
#include "schema/type.hpp"
#include "sql/batch.hpp"
#include "sql/engine.hpp"
#include "sql/parquet_writer.hpp"

namespace millrace::lake {

struct LakeOptions {
  using Steady = std::chrono::steady_clock;

  std::string path;   ///< folder of the store, "orders_history" or "orders_history/"
  std::string owner;  ///< "<pipeline>/<sink>"; a table has one, for good
  /// Which of the streams that feed the table: each has files and a position of its own,
  /// and may be written beside the others. 0 is the stream of changes.
  std::uint32_t partition = 0;  ///< at most 9999
  std::string
      writer_id;  ///< another one for each start of the process: tells who published
  std::string pipeline_hash;  ///< kept in each file, never compared
  /// What the SELECT gives, without the `_offset` and `_version` that the engine adds.
  schema::Columns columns;
  /// Files get `_offset` as their last column, unless `columns` has it.
  bool offset_column = true;
  std::string compression = "zstd";
  std::uint32_t row_group_rows = 122'880;  ///< at most: see sql::ParquetOptions
  std::uint64_t roll_rows = 1'000'000;
  /// Of the file, as far as it can be known before it is closed: by the bytes a row of
  /// the newest file took, and by the row groups that are on disk.
  std::uint64_t roll_bytes = 128u << 20u;
  std::chrono::milliseconds roll_every{60'000};
  std::function<Steady::time_point()> now = &Steady::now;
};

/// Writes one partition of a lake table: Parquet files of consecutive offsets, each named
/// by its first, which appear whole and once (docs/formats/lake-file.md). The name is the
/// commit: there is no other record of the position.
///
/// A roll is the file being staged. Write adds to it; it is committed by Flush, or by the
/// Write that fills it or comes after its time. It is full as well when rows become so
/// large that its row group takes twice its share of the engine's memory.
///
/// Memory: one row group, raw, of 1/16 of the engine's memory, as much again while it is
/// written, and the hand-over of the Parquet writer. Where others need the memory too
/// and there is not enough, each roll that fails for it halves the row groups of this
/// writer's next ones, down to single blocks: rolls that are tried again come through.
///
/// After an error of Write or Flush with kResourceExhausted, kUnavailable or
/// kInvalidArgument the roll is abandoned: nothing of it is visible, committed() is what
/// it was, and the caller reads again and writes from there. After kFenced,
/// kDeadlineExceeded (it is unknown whether the file is durable) or kDataLoss the writer
/// is done: every later call gives that error again, and only Open decides.
///
/// One thread. The store and the engine must outlive it; give it an engine of its own, in
/// memory, with one thread, and with the store's root among its directories.
class LakeWriter {
 public:
  /// Makes durable what is there, removes what was staged, checks the chain of files and
  /// the columns. New columns are fine: older files lack them; so are wider types
  /// (schema::Widens), which readers of all files take. Errors: kInvalidArgument
  /// (bad path, a column of another type than before, another owner), kDataLoss (a gap,
  /// an overlap or a damaged file among the last 1,000, named), kResourceExhausted,
  /// kUnavailable.
  static Result<std::unique_ptr<LakeWriter>> Open(objects::ObjectStore& store,
                                                  sql::Engine& engine,
                                                  LakeOptions options);
  ~LakeWriter();  ///< an open roll is dropped

  /// Next offset after what is durable and visible; nullopt: never started.
  std::optional<Offset> committed() const { return committed_; }
  /// Version of the event at committed() - 1, as far as the files say.
  const Version& committed_version() const { return committed_version_; }

  /// Commits `first` as the first position: a file of no rows. kFenced if another writer
  /// was faster, kInvalidArgument if it has started.
  Status Start(Offset first);
  /// Rows (any number) of the events [first, next); `first` is the last `next` (or
  /// committed()), `last` the version of the event at next - 1. `rows` has the options'
  /// columns and `_offset` by name, and may have more.
  Status Write(sql::Batch rows, Offset first, Offset next, const Version& last);
  /// When the open roll is due; nullopt: nothing is open.
  std::optional<std::chrono::steady_clock::time_point> due() const;
  /// Commits what was written, if anything.
  Status Flush();
  /// Commits the position `next` over events that nobody can give any more: by a file of
  /// no rows whose metadata say `why`. Nothing may be open. kInternal: out of turn.
  Status Skip(Offset next, const std::string& why);

 private:
  struct Roll {
    Offset first = 0;
    Offset next = 0;
    Version last;
    std::chrono::steady_clock::time_point due;
    std::unique_ptr<sql::ParquetWriter> file;  ///< null until there are rows
    std::filesystem::path path;                ///< of the staged file
    std::string gap = {};                      ///< why no rows of it can come
  };

  LakeWriter(objects::ObjectStore& store, sql::Engine& engine, LakeOptions options,
             std::unique_ptr<sql::Session> session);
  Status Recover();
  Status CheckOwner(const std::string& owner) const;
  Status CheckColumns(const std::map<std::string, std::string>& metadata);
  Status CreateFile(Roll& roll, const std::string& name);
  Status AddToRoll(sql::Batch rows, Offset next, const Version& last);
  bool Full() const;
  void Measure(std::uint64_t bytes, std::uint64_t rows);
  Status Commit(Roll roll, const std::string& name);
  Status Publish(const std::string& name, Offset next);
  /// Whether the object of this name is what we were about to publish.
  Status CheckOwn(const std::string& name, Offset next);
  /// Remembers errors after which only Open decides.
  Status Settle(Status status);

  objects::ObjectStore& store_;
  sql::Engine& engine_;
  LakeOptions options_;
  std::unique_ptr<sql::Session> session_;  ///< reads metadata
  schema::Columns file_columns_;
  /// Every column the table ever had: lower-case name → SQL type.
  std::map<std::string, std::string> known_columns_;
  std::uint32_t memory_share_ = sql::ParquetOptions().memory_share;
  double bytes_per_row_ = 0;  ///< of the newest file that has rows; 0: there is none
  std::optional<Offset> committed_;
  Version committed_version_;
  std::optional<Roll> roll_;
  std::optional<Error> done_;
};

}  // namespace millrace::lake
