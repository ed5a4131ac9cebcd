#include "feed.hpp"

#include <algorithm>
#include <utility>

namespace millrace::live {
namespace {

constexpr std::uint32_t kEventsARound = 1000;
constexpr std::uint64_t kBytesARound = 1u << 20u;
/// So many gone or new ones are looked after at once, if no event comes meanwhile.
constexpr std::size_t kTidyEvery = 64;

}  // namespace

Feed::Feed(const HubParts& parts, Counters& counters, std::string tenant,
           schema::Collection collection)
    : parts_(parts),
      counters_(counters),
      collection_(std::move(collection)),
      stream_{std::move(tenant), collection_.name} {}

Feed::~Feed() { Stop(); }

bool Feed::Join(const SubscriberPtr& subscriber) {
  const std::scoped_lock starting(start_mutex_);
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return true;  // and never hears of anything
    if (running_ && subscriber->offset < promised_) return false;
    subscriber->phase = Subscriber::Phase::kLive;
    subscriber->joined_version = subscriber->wanted.view->Id(subscriber->version);
    subscriber->joined = true;
    joined_.push_back(subscriber);
    if (running_) {
      if (joined_.size() % kTidyEvery == 0) parts_.log.Interrupt(&stream_);
      return true;
    }
    running_ = true;
    promised_ = next_ = subscriber->offset;
    passed_ = last_ = subscriber->version;
  }
  if (thread_.joinable()) thread_.join();
  thread_ = std::thread([this] { Run(); });
  return true;
}

void Feed::Left() {
  const std::scoped_lock lock(mutex_);
  if (++left_ % kTidyEvery == 0) parts_.log.Interrupt(&stream_);
}

Version Feed::passed() const {
  const std::scoped_lock lock(mutex_);
  return passed_;
}

void Feed::Stop() {
  const std::scoped_lock starting(start_mutex_);
  for (bool running = true; running;) {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
      running = running_;
    }
    // Again and again: the thread may just be about to wait.
    parts_.log.Interrupt(&stream_);
    std::this_thread::yield();
  }
  if (thread_.joinable()) thread_.join();
  joined_.clear();
}

void Feed::Run() {
  do {
    parts_.log.WaitFor(stream_, next_, Deadline::Never());
  } while (Round());
  groups_.clear();
}

/// False: the thread ends, and running_ says so already.
bool Feed::Round() {
  auto batch = parts_.log.Read(stream_, next_, kEventsARound, kBytesARound);
  std::vector<SubscriberPtr> joined;
  {
    const std::scoped_lock lock(mutex_);
    joined = std::exchange(joined_, {});
    if (batch) promised_ = batch->next();
  }
  Adopt(std::move(joined));
  const auto given = batch ? Give(*batch) : Status(Fail(batch.error()));
  if (!given) CutAll(given.error());
  if (given) next_ = batch->next();
  return !EndIfAlone();
}

bool Feed::EndIfAlone() {
  const std::scoped_lock lock(mutex_);
  passed_ = last_;
  if (!stopping_ && !(groups_.empty() && joined_.empty())) return false;
  running_ = false;
  return true;
}

void Feed::Adopt(std::vector<SubscriberPtr> joined) {
  for (auto& subscriber : joined) {
    const auto& view = subscriber->wanted.view;
    const auto same = std::ranges::find_if(
        groups_, [&](const Group& group) { return *group.view == *view; });
    auto& group = same != groups_.end() ? *same : groups_.emplace_back(Group{view, {}});
    subscriber->wanted.view = group.view;  // one for all
    group.members.push_back(std::move(subscriber));
  }
  for (auto& group : groups_) {
    std::erase_if(group.members,
                  [](const auto& member) { return member->closed.load(); });
  }
  std::erase_if(groups_, [](const auto& group) { return group.members.empty(); });
}

Status Feed::Give(const eventlog::RecordBatch& batch) {
  for (const auto& record : batch.records()) {
    MR_TRY(const auto event, change::ParseEnvelope(record.body));
    EventMessages messages(event, collection_);
    for (auto& group : groups_) {
      auto* message = messages.For(*group.view);
      if (message != nullptr) GiveTo(group, record.offset, *message);
    }
    last_ = std::max(last_, event.version);
  }
  return {};
}

void Feed::GiveTo(Group& group, Offset offset, Message& message) {
  std::size_t sent = 0;
  std::erase_if(group.members, [&](const SubscriberPtr& member) {
    if (offset < member->offset) return false;  // it has read that by itself
    if (member->sink->Send(message)) {
      ++sent;
      return false;
    }
    if (!member->closed) counters_.slow.Add();
    member->sink->Cut();
    return true;
  });
  counters_.messages.Add(sent);
}

/// They come back, and find out what is wrong.
void Feed::CutAll(const Error& error) {
  parts_.logger.Error("live subscribers are cut",
                      {{"collection", collection_.name}, {"error", error}});
  for (auto& group : groups_) {
    for (auto& member : group.members) member->sink->Cut();
  }
  groups_.clear();
  const std::scoped_lock lock(mutex_);
  for (auto& subscriber : joined_) subscriber->sink->Cut();
  joined_.clear();
}

}  // namespace millrace::live
