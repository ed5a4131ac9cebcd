#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "schema/collection.hpp"
#include "yaml.hpp"

namespace millrace::project {

/// What pipelines may name. Collections that could not be read whole are there by name
/// alone, so that one mistake is not reported twice.
struct Collections {
  std::map<std::string, schema::Collection, std::less<>> whole;
  std::set<std::string, std::less<>> broken;

  /// Streams, as pipelines see them.
  std::map<std::string, schema::Collection, std::less<>> streams;
  std::set<std::string, std::less<>> broken_streams;

  /// A collection or a stream.
  const schema::Collection* Find(std::string_view name) const;
  std::vector<std::string_view> Names() const;
  std::vector<std::string_view> StreamNames() const;
};

/// One pipelines/*.yaml; `content` is the file that `root` was read from. Nullopt when
/// not even its name can be read; otherwise it may lack what had a problem.
std::optional<Pipeline> ReadPipeline(const Node& root, std::string_view content,
                                     const Collections& collections, Report& report);

/// `lookups:` of a pipeline over `changes` (null: unknown, or with problems of its own).
std::vector<Lookup> ReadLookups(const Node& node, const schema::Collection* changes,
                                const Collections& collections, Report& report);

/// The collection's name that `node` holds. Nullopt and a problem where there is none.
std::optional<std::string> ReadCollectionName(const Node* node,
                                              const Collections& collections,
                                              Report& report);

}  // namespace millrace::project
