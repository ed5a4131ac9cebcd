#include "verify_tenants.hpp"

#include <algorithm>
#include <map>

#include "verify_narrow.hpp"

namespace millrace::app {
namespace {

constexpr std::size_t kMostNarrowed = 3;

class TenantsCheck {
 public:
  TenantsCheck(VerifyStores& stores, const std::string& collection,
               const RecordsMoment& moment)
      : stores_(stores),
        moment_(moment),
        slices_(moment.slices),
        of_(moment.collections.at(collection)),
        logged_(slices_.size()) {
    verdict_.collection = collection;
  }

  Result<CollectionVerdict> Run() {
    MR_TRY(auto streams, Streams());
    expected_ = of_.history;
    verdict_.history = {{"records", Total(of_.history), 0}, {"log", {}, 0}};
    for (const auto& [tenant, info] : streams) MR_CHECK_OK(CompareTenant(tenant, info));
    MR_CHECK_OK(CompareLog());
    if (unreadable_ > 0) {
      verdict_.left_out.push_back("log: " + std::to_string(unreadable_) +
                                  " events that cannot be read");
    }
    if (cut_ > 0) {
      verdict_.left_out.push_back("log: retention has dropped the beginning of " +
                                  std::to_string(cut_) + " tenants");
    }
    return std::move(verdict_);
  }

 private:
  using OfTenant = RecordsMoment::OfTenant;

  /// Of each tenant, whether log or records know it. After the records were read: the log
  /// has what they call captured.
  Result<std::map<std::string, eventlog::StreamInfo>> Streams() {
    std::map<std::string, eventlog::StreamInfo> streams;
    for (const auto& [tenant, of] : of_.tenants) {
      const bool nothing = Total(of.state).rows == 0 && of.changes.empty();
      if (tenant.empty() && nothing) continue;
      streams[tenant].stream = {tenant, verdict_.collection};
    }
    MR_TRY(const auto all, stores_.log().Streams());
    for (const auto& info : all) {
      if (info.stream.name == verdict_.collection) streams[info.stream.tenant] = info;
    }
    return streams;
  }

  Status CompareTenant(const std::string& tenant, const eventlog::StreamInfo& info) {
    LogHistory history(slices_, moment_.end.low, false);
    MR_CHECK_OK(history.Read(stores_.log(), info));
    unreadable_ += history.unreadable;
    const auto known = of_.tenants.find(tenant);
    static const OfTenant kNothing;
    const auto& of = known == of_.tenants.end() ? kNothing : known->second;
    for (std::size_t i = 0; i < slices_.size(); ++i) {
      logged_[i] = Plus(logged_[i], history.sums[i]);
    }
    auto state = history.at_records_end;
    for (const auto& change : of.changes) {
      if (change.position <= history.last_position) continue;
      expected_[change.slice] = Minus(expected_[change.slice], change.history);
      ++verdict_.history.back().behind;
      history.state.Add(change.key, change.entry());
    }
    if (!state) state = history.state.sums();
    if (info.first > 0) return Cut(history);
    return CompareState(tenant, info, of, *state);
  }

  /// Without its beginning the log does not say what is newest of each key, and not what
  /// there was up to its first event.
  Status Cut(const LogHistory& history) {
    ++cut_;
    const auto first = history.first_position == 0
                           ? slices_.size() - 1
                           : slices_.IndexOf(history.first_position);
    first_whole_ = std::max(first_whole_, first + 1);
    return {};
  }

  Status CompareState(const std::string& tenant, const eventlog::StreamInfo& info,
                      const OfTenant& of, const SliceSums& expected) {
    auto found = of.state;
    found.resize(slices_.size());
    verdict_.state.push_back({"records", Total(found), 0, false, tenant});
    verdict_.state.push_back({"log", Total(expected), 0, false, tenant});
    std::size_t narrowed = 0;
    for (std::size_t i = 0; i < slices_.size(); ++i) {
      if (expected[i] == found[i]) continue;
      Finding finding{"source",    "records", slices_.slices()[i],
                      expected[i], found[i],  {},
                      {},          {},        tenant};
      if (narrowed++ < kMostNarrowed) {
        MR_CHECK_OK(Narrow(info).Records(finding));
      }
      verdict_.findings.push_back(std::move(finding));
    }
    return {};
  }

  Status CompareLog() {
    verdict_.history.back().sum = Total(logged_);
    std::size_t narrowed = 0;
    for (auto i = first_whole_; i < slices_.size(); ++i) {
      if (expected_[i] == logged_[i]) continue;
      Finding finding{"log", "log", slices_.slices()[i], expected_[i], logged_[i], {}, {},
                      {},    {}};
      if (narrowed++ < kMostNarrowed) {
        MR_CHECK_OK(Narrow({}).Log(finding));
      }
      verdict_.findings.push_back(std::move(finding));
    }
    return {};
  }

  Narrowing Narrow(const eventlog::StreamInfo& info) {
    return {stores_, slices_,          info,
            {},      stores_.source(), static_cast<std::uint32_t>(moment_.end.high),
            false};
  }

  VerifyStores& stores_;
  const RecordsMoment& moment_;
  const SliceMap& slices_;
  const RecordsMoment::OfCollection& of_;
  SliceSums expected_, logged_;  ///< changes of all tenants
  std::size_t first_whole_ = 0;  ///< the first slice that the log has of all of them
  std::uint64_t unreadable_ = 0;
  std::size_t cut_ = 0;  ///< tenants whose log has lost its beginning
  CollectionVerdict verdict_;
};

}  // namespace

Result<CollectionVerdict> CompareTenants(VerifyStores& stores,
                                         const std::string& collection,
                                         const RecordsMoment& moment) {
  return TenantsCheck(stores, collection, moment).Run();
}

}  // namespace millrace::app
