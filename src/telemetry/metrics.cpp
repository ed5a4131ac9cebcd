#include "telemetry/metrics.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <variant>

namespace millrace::telemetry {
namespace {

constexpr double kSecondsPerNanosecond = 1e-9;

enum class Type { kCounter, kGauge, kDurations, kSizes };

const char* ExposedName(Type type) {
  switch (type) {
    case Type::kCounter:
      return "counter";
    case Type::kGauge:
      return "gauge";
    case Type::kDurations:
    case Type::kSizes:
      return "histogram";
  }
  return "untyped";
}

struct Callback {
  std::uint64_t id;
  std::function<double()> read;
};

struct Series {
  std::string labels;  ///< `a="b",c="d"`, escaped
  std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>,
               std::unique_ptr<Histogram>, Callback>
      value;
};

struct Family {
  Type type;
  std::string help;
  std::vector<Series> series;
};

void AppendEscaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

std::string RenderLabels(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    if (!out.empty()) out += ',';
    out += name;
    out += "=\"";
    AppendEscaped(out, value, true);
    out += '"';
  }
  return out;
}

void AppendSample(std::string& out, std::string_view name, std::string_view suffix,
                  std::string_view labels, std::string_view more, const auto& value) {
  out += name;
  out += suffix;
  if (!labels.empty() || !more.empty()) {
    const char* comma = labels.empty() || more.empty() ? "" : ",";
    fmt::format_to(std::back_inserter(out), "{{{}{}{}}}", labels, comma, more);
  }
  fmt::format_to(std::back_inserter(out), " {}\n", value);
}

void AppendHistogram(std::string& out, std::string_view name, std::string_view labels,
                     const Histogram& histogram, double scale) {
  std::uint64_t cumulative = 0;
  for (int i = 0; i < Histogram::kBuckets; ++i) {
    cumulative += histogram.InBucket(i);
    const bool last = i + 1 == Histogram::kBuckets;
    const auto bound =
        last ? std::string("+Inf")
             : fmt::format("{}", static_cast<double>(histogram.Bound(i)) * scale);
    AppendSample(out, name, "_bucket", labels, fmt::format("le=\"{}\"", bound),
                 cumulative);
  }
  AppendSample(out, name, "_sum", labels, "",
               static_cast<double>(histogram.sum()) * scale);
  AppendSample(out, name, "_count", labels, "", cumulative);
}

void AppendSeries(std::string& out, std::string_view name, Type type,
                  const Series& series) {
  if (const auto* counter = std::get_if<std::unique_ptr<Counter>>(&series.value)) {
    AppendSample(out, name, "", series.labels, "", (*counter)->value());
  } else if (const auto* gauge = std::get_if<std::unique_ptr<Gauge>>(&series.value)) {
    AppendSample(out, name, "", series.labels, "", (*gauge)->value());
  } else if (const auto* histogram =
                 std::get_if<std::unique_ptr<Histogram>>(&series.value)) {
    const double scale = type == Type::kDurations ? kSecondsPerNanosecond : 1.0;
    AppendHistogram(out, name, series.labels, **histogram, scale);
  } else {
    AppendSample(out, name, "", series.labels, "",
                 std::get<Callback>(series.value).read());
  }
}

}  // namespace

struct Registry::State {
  std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;
  std::uint64_t next_callback = 1;

  Family& FamilyOf(std::string_view name, std::string_view help, Type type) {
    auto found = families.find(name);
    if (found == families.end()) {
      found =
          families.emplace(std::string(name), Family{type, std::string(help), {}}).first;
    }
    if (found->second.type != type) {
      fmt::print(stderr, "metric {} is registered with two types\n", name);
      std::abort();
    }
    return found->second;
  }

  template <typename Metric>
  Metric& Add(std::string_view name, std::string_view help, Type type,
              const Labels& labels, std::unique_ptr<Metric> fresh) {
    const std::scoped_lock lock(mutex);
    Family& family = FamilyOf(name, help, type);
    auto rendered = RenderLabels(labels);
    for (Series& series : family.series) {
      if (series.labels != rendered) continue;
      if (auto* known = std::get_if<std::unique_ptr<Metric>>(&series.value)) {
        return **known;
      }
    }
    Metric& metric = *fresh;
    family.series.push_back({std::move(rendered), std::move(fresh)});
    return metric;
  }

  void RemoveCallback(std::string_view name, std::uint64_t id) {
    const std::scoped_lock lock(mutex);
    const auto family = families.find(name);
    if (family == families.end()) return;
    std::erase_if(family->second.series, [id](const Series& series) {
      const auto* callback = std::get_if<Callback>(&series.value);
      return callback != nullptr && callback->id == id;
    });
  }
};

CallbackHandle& CallbackHandle::operator=(CallbackHandle&& other) noexcept {
  if (this != &other) {
    if (remove_) remove_();
    remove_ = std::exchange(other.remove_, nullptr);
  }
  return *this;
}

CallbackHandle::~CallbackHandle() {
  if (remove_) remove_();
}

Registry::Registry() : state_(std::make_shared<State>()) {}
Registry::~Registry() = default;

Counter& Registry::AddCounter(std::string_view name, std::string_view help,
                              Labels labels) {
  return state_->Add(name, help, Type::kCounter, labels, std::make_unique<Counter>());
}

Gauge& Registry::AddGauge(std::string_view name, std::string_view help, Labels labels) {
  return state_->Add(name, help, Type::kGauge, labels, std::make_unique<Gauge>());
}

Histogram& Registry::AddDurations(std::string_view name, std::string_view help,
                                  Labels labels) {
  return state_->Add(name, help, Type::kDurations, labels,
                     std::make_unique<Histogram>(Histogram::kDurationFirstBit));
}

Histogram& Registry::AddSizes(std::string_view name, std::string_view help,
                              Labels labels) {
  return state_->Add(name, help, Type::kSizes, labels, std::make_unique<Histogram>(0));
}

CallbackHandle Registry::AddCallback(CallbackKind kind, std::string_view name,
                                     std::string_view help, Labels labels,
                                     std::function<double()> read) {
  const Type type = kind == CallbackKind::kCounter ? Type::kCounter : Type::kGauge;
  const std::scoped_lock lock(state_->mutex);
  const auto id = state_->next_callback++;
  state_->FamilyOf(name, help, type)
      .series.push_back({RenderLabels(labels), Callback{id, std::move(read)}});
  // The state is owned by the registry; a handle that outlives it has nothing to remove.
  return CallbackHandle([weak = std::weak_ptr(state_), owned = std::string(name), id] {
    if (const auto state = weak.lock()) state->RemoveCallback(owned, id);
  });
}

std::string Registry::Render() const {
  std::string out;
  const std::scoped_lock lock(state_->mutex);
  for (const auto& [name, family] : state_->families) {
    if (family.series.empty()) continue;
    out += "# HELP " + name + ' ';
    AppendEscaped(out, family.help, false);
    out += "\n# TYPE " + name + ' ';
    out += ExposedName(family.type);
    out += '\n';
    for (const Series& series : family.series) {
      AppendSeries(out, name, family.type, series);
    }
  }
  return out;
}

}  // namespace millrace::telemetry
