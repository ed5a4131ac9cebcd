#include "access_fixture.hpp"
#include "gateway/record_routes.hpp"

/// What a client of records is told when a store cannot.
namespace millrace::gateway {
namespace {

using http::Method;

/// A store that answers everything with one error.
class RefusingStore final : public records::RecordStore {
 public:
  void Submit(records::WriteRequest request) override {
    request.done(request.render(Refuse()), false);
  }
  Result<records::Stored> Get(const std::string&, const std::string&,
                              const std::string&) override {
    return Refuse();
  }
  Result<records::Page> List(const std::string&, const std::string&, const query::Query&,
                             Deadline) override {
    return Refuse();
  }
  Result<std::vector<records::KeyVersion>> ListVersions(const std::string&,
                                                        const std::string&,
                                                        const query::Query&, Version,
                                                        Version, std::uint32_t,
                                                        Deadline) override {
    return Refuse();
  }
  Result<Position> Scan(const std::string&, const records::ScanEach&) override {
    return Refuse();
  }
  Result<std::vector<records::HistorySum>> Sums() override { return Refuse(); }

  ErrorCode code = ErrorCode::kUnavailable;

 private:
  std::unexpected<Error> Refuse() const { return Fail(code, "refused"); }
};

class RecordRefusals : public AccessFixture {
 protected:
  void SetUp() override {
    AccessFixture::SetUp();
    schema::Collection notes;
    notes.name = "notes";
    notes.key = "id";
    notes.fields = {{.name = "id", .type = schema::Type::Simple(schema::Kind::kText)}};
    codecs_["notes"] = std::make_unique<schema::RecordCodec>(notes);
    routes_.emplace(store_, codecs_, pool_, RecordRouteOptions{.cursor_key = "k"});
    Serve(*routes_);
  }
  http::ClientResponse Create(ErrorCode code) {
    store_.code = code;
    return Send(Method::kPost, "collections/notes/records", "", R"({"id":"a"})");
  }
  http::ClientResponse List() {
    return Send(Method::kGet, "collections/notes/records", "");
  }

  runtime::BlockingPool pool_{1, 16};
  RefusingStore store_;
  Codecs codecs_;
  std::optional<RecordRoutes> routes_;
};

TEST_F(RecordRefusals, AWriteIsTriedAgainWhereThatMayHelp) {
  const auto full = Create(ErrorCode::kResourceExhausted);
  EXPECT_EQ(full.status, 507);
  EXPECT_EQ(full.Header("retry-after"), "1");
  for (const auto code : {ErrorCode::kUnavailable, ErrorCode::kDeadlineExceeded}) {
    const auto stopped = Create(code);
    EXPECT_EQ(stopped.status, code == ErrorCode::kUnavailable ? 503 : 504);
    EXPECT_EQ(stopped.Header("retry-after"), "") << "until a restart";
  }
}

TEST_F(RecordRefusals, AReadIsTriedAgain) {
  for (int stopped = 0; stopped < 2; ++stopped) {
    const auto refused = List();
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.Header("retry-after"), "1");
    EXPECT_EQ(refused.body.contains("too many reads are waiting"), stopped == 1);
    pool_.Stop();
  }
}

}  // namespace
}  // namespace millrace::gateway
