#include <gmock/gmock.h>

#include "project_fixture.hpp"

/// One case for each rule of the project directory: a change to a project without
/// problems, and what `millrace check` answers, to the column.
namespace millrace::project {
namespace {

struct Case {
  std::string name;  ///< what is wrong
  std::string from, to;
  std::string problem;  ///< behind "file:"
};

class Problems : public ProjectFixture {
 protected:
  /// "*" at the end: the rest comes from another room.
  static testing::Matcher<std::string> Matches(const std::string& file,
                                               const std::string& problem) {
    const auto line = file + ":" + problem;
    if (!line.ends_with('*')) return line;
    return testing::StartsWith(line.substr(0, line.size() - 1));
  }

  void Check(const std::string& file, const std::vector<Case>& cases) {
    for (const auto& c : cases) {
      SCOPED_TRACE(c.name);
      WriteShop();
      Replace(file, c.from, c.to);
      EXPECT_THAT(ProjectFixture::Problems(),
                  testing::ElementsAre(Matches(file, c.problem)));
    }
  }
};

TEST_F(Problems, OfYaml) {
  Check("collections/orders.yaml",
        {
            {"a key twice", "unique: []", "key: note",
             "10:1: key stands here twice, first in line 2"},
            {"a field twice",
             "  note: ", "  status: ", "8:3: status stands here twice, first in line 7"},
            {"tabs",
             "  note: ", "\tnote: ", "8:2: not valid YAML: indent with spaces, not tabs"},
            {"a colon in a text", "key: order_id", "key: order: id",
             "2:11: not valid YAML: a text with \": \" in it must be put in quotes"},
            {"a character that begins nothing", "key: order_id", "key: @order_id",
             "2:6: not valid YAML: a text cannot begin with this character: put it in "
             "quotes"},
            {"an open list", "unique: []", "unique: [",
             "11:1: not valid YAML: a [ is not closed"},
            {"an open mapping", "unique: []", "system: {",
             "11:1: not valid YAML: a { is not closed"},
            {"an anchor", "unique: []", "unique: &a []",
             "10:9: anchors (&name) are not used here: write the value out"},
            {"a tag", "unique: []", "unique: !!seq []",
             "10:9: tags are not used here, got tag:yaml.org,2002:seq"},
            {"a list as a key", "unique: []", "? [a]\n: []",
             "10:3: expected a name as the key, got a list"},
            {"a second document", "unique: []", "---\nunique: []",
             "10:1: expected one document, got a second one behind ---"},
            {"a comma at the end", "unique: []", ", unique: []",
             "10:1: not valid YAML: check the indentation and the closing }"},
            {"a control character", "unique: []", "unique: [\x01]",
             "10:10: expected text, got a control character"},
            {"not UTF-8", "unique: []", "unique: [\xff]", " expected UTF-8 text"},
        });
}

TEST_F(Problems, OfCollections) {
  Check(
      "collections/orders.yaml",
      {
          {"an unknown key", "unique: []", "uniqe: []",
           "10:1: a collection has no key uniqe; did you mean unique?"},
          {"a far unknown key", "unique: []", "constraints: []",
           "10:1: a collection has no key constraints; it has collection, key, fields, "
           "indexes, unique, system, rules, tenant"},
          {"no key", "key: order_id\n", "",
           "1:1: a collection needs the key key, such as order_id"},
          {"a key without a value", "key: order_id",
           "key:", "2:1: expected the name of a field, got nothing"},
          {"several keys", "key: order_id", "key: [order_id]",
           "2:6: expected the name of a field, got a list"},
          {"a key that is no field", "key: order_id", "key: identifier",
           "2:6: the key identifier is not a field; the fields are order_id, "
           "customer_id, "
           "amount, status, note"},
          {"a name with a dash", "collection: orders", "collection: my-orders",
           "1:13: expected a collection name (a letter, then letters, digits and _, at "
           "most 63 "
           "in all), got 'my-orders'"},
          {"a number for a name", "collection: orders", "collection: 5",
           "1:13: expected a collection name, got the number 5"},
          {"indexes by name alone", "indexes: [[customer_id, _created_at]]",
           "indexes: [customer_id]",
           "9:11: expected a list of fields, such as [status], got 'customer_id'"},
          {"an index over no field", "[customer_id, _created_at]",
           "[customer, _created_at]", "9:12: there is no field customer"},
          {"an index over a near miss", "[customer_id, _created_at]", "[customerid]",
           "9:12: there is no field customerid; did you mean customer_id?"},
          {"an empty index", "[customer_id, _created_at]", "[]",
           "9:11: expected at least one field, such as [status], got a list"},
          {"a field twice in an index", "[customer_id, _created_at]", "[note, note]",
           "9:18: note stands here twice"},
          {"unique twice", "unique: []", "unique: [[note], [note]]",
           "10:18: the same list stands here twice"},
          {"a renamed system field by its old name", "unique: []",
           "system: {_created_at: createdAt}",
           "9:25: there is no field _created_at; it is called createdAt here"},
          {"a system field on a field's name", "unique: []", "system: {_version: Note}",
           "10:20: there is another field Note"},
          {"an unknown system field", "unique: []", "system: {_creatd_at: at}",
           "10:10: system has no key _creatd_at; did you mean _created_at?"},
          {"a system field with our underscore", "unique: []", "system: {_version: _rev}",
           "10:20: expected a field name (a letter, then letters, digits and _, at most "
           "63 in "
           "all), got '_rev'"},
      });
}

TEST_F(Problems, OfFields) {
  Check(
      "collections/orders.yaml",
      {
          {"an unknown key", "max_length: 500", "maxlength: 500",
           "8:29: a field has no key maxlength; did you mean max_length?"},
          {"no type", "{type: text, max_length: 500}", "{required: true}",
           "8:16: a field needs the key type, such as text"},
          {"a type that is a list", "note:        {type: text",
           "note:        {type: [text]",
           "8:23: expected a type, such as text or \"decimal(10,2)\", got a list"},
          {"a leading underscore", "  note: ", "  _note: ",
           "8:3: expected a field name (a letter, then letters, digits and _, at most 63 "
           "in all), "
           "got '_note'"},
          {"two that differ in case", "  note: ", "  Status: ",
           "8:3: Status differs from another field only in case"},
          {"text for a flag", "required: true, min: 0", "required: yes, min: 0",
           "6:50: expected true or false, got 'yes'"},
          {"a quoted number", "min: 0", "min: '0.001'",
           "6:61: expected a value of type decimal(10,2), got '0.001': *"},
          {"max under min", "min: 0", "min: 2, max: 1",
           "6:69: max is under min: nothing would be accepted"},
          {"min of a text", "max_length: 500", "min: 5",
           "8:34: min is for numbers, dates and timestamps; note is text"},
          {"a length of a number", "min: 0", "min_length: 1",
           "6:68: min_length is for text, bytes and arrays; amount is decimal(10,2)"},
          {"a negative length", "max_length: 500", "max_length: -1",
           "8:41: expected a whole number from 0 to 1000000000, got the number -1"},
          {"lengths crossed", "max_length: 500", "max_length: 5, min_length: 6",
           "8:41: max_length is under min_length: nothing would be accepted"},
          {"in without values", "in: [pending, shipped], default: pending", "in: []",
           "7:33: in is empty: nothing would be accepted"},
          {"in with a value twice", "[pending, shipped]", "[pending, pending]",
           "7:43: pending stands here twice"},
          {"in of another type", "[pending, shipped]", "[pending, 5]",
           "7:43: expected a value of type text, got the number 5: put it in quotes"},
          {"a default that is not in `in`", "default: pending", "default: pendign",
           "7:62: the default pendign is not one of `in`; did you mean pending?"},
          {"a default that is too long", "max_length: 500", "max_length: 2, default: abc",
           "8:53: the default is longer than max_length"},
          {"a default under min", "min: 0", "min: 0, default: -1",
           "6:73: the default is under min"},
          {"nothing as default", "default: pending", "default: null",
           "7:62: expected a value of type text, got nothing"},
          {"a default of another type", "{type: text, max_length: 500}",
           "{type: boolean, default: 'true'}",
           "8:41: expected a value of type boolean, got 'true': take the quotes off"},
          {"a date that is none", "{type: text, max_length: 500}",
           "{type: date, default: 2013-02-30}",
           "8:38: expected a value of type date, got '2013-02-30': *"},
          {"a number that does not fit", "{type: text, max_length: 500}",
           "{type: integer, max: 3000000000}",
           "8:37: expected a value of type integer, got the number 3000000000: *"},
          {"an array of the wrong items", "{type: text, max_length: 500}",
           "{type: 'bigint[]', default: [1, a]}",
           "8:48: expected a value of type bigint, got 'a'"},
          {"generate on another field", "max_length: 500", "generate: uuidv7",
           "8:39: only the key can be generated"},
          {"an unknown generator", "generate: uuidv7", "generate: uuid7",
           "4:39: expected one of uuidv7, objectid, sequence, got 'uuid7'; did you "
           "mean "
           "uuidv7?"},
          {"uuidv7 for a number", "{type: text, generate: uuidv7}",
           "{type: bigint, generate: uuidv7}",
           "4:41: uuidv7 makes keys of type text or uuid; order_id is bigint"},
          {"objectid for a uuid", "{type: text, generate: uuidv7}",
           "{type: uuid, generate: objectid}",
           "4:39: objectid makes keys of type text; order_id is uuid"},
          {"sequence for a text", "generate: uuidv7", "generate: sequence",
           "4:39: sequence makes keys of type bigint or integer; order_id is text"},
          {"a key with a default", "generate: uuidv7", "default: x",
           "4:38: a key has no default: every record would have the same"},
          {"a key that is a list", "{type: text, generate: uuidv7}", "'text[]'",
           "4:16: a key is one of text, integer, bigint, decimal, date, timestamp, uuid; "
           "order_id "
           "is text[]"},
          {"fields of a text", "max_length: 500", "fields: {a: text}",
           "8:37: only a field of type object has fields, this one is text"},
          {"an object without fields", "{type: text, max_length: 500}", "{type: object}",
           "8:16: an object needs the key fields, such as {street: text}"},
          {"a rule inside an object", "{type: text, max_length: 500}",
           "{type: object, fields: {a: {type: text, required: true}}}",
           "8:56: a field of an object has no key required; it has type, fields"},
          {"an index over an object",
           "  note:        {type: text, max_length: 500}\nindexes: [[",
           "  note: {type: object, fields: {a: text}}\nindexes: [[note, ",
           "9:12: note is {a: text}: only scalar fields can stand here"},
      });
}

TEST_F(Problems, OfPipelines) {
  Check("pipelines/orders_now.yaml",
        {
            {"an unknown key",
             "batch:", "bacth:", "3:1: a pipeline has no key bacth; did you mean batch?"},
            {"empty sql",
             "sql: |\n  SELECT c.order_id, c.amount\n  FROM changes c LEFT JOIN "
             "customers ON customers.customer_id = c.customer_id",
             "sql: ' '", "7:6: expected SQL, such as SELECT * FROM changes, got ' '"},
            {"an unknown collection", "changes: orders,", "changes: oders,",
             "2:17: there is no collection oders; did you mean orders?"},
            {"no collection", "changes: orders,", "",
             "2:7: from needs the key changes, such as orders"},
            {"an unknown start", "start: earliest", "start: earlyest",
             "2:32: expected one of earliest, latest, snapshot, got 'earlyest'; did you "
             "mean "
             "earliest?"},
            {"no rows in a batch", "max_rows: 5000", "max_rows: 0",
             "3:19: expected a whole number from 1 to 1000000, got the number 0"},
            {"a batch of text rows", "max_rows: 5000", "max_rows: '5000'",
             "3:19: expected a whole number from 1 to 1000000, got '5000'"},
            {"too many bytes", "max_rows: 5000", "max_bytes: 1GiB",
             "3:20: expected a size from 64KiB to 256MiB, such as 16MiB, got '1GiB'"},
            {"a long wait", "max_wait: 50ms", "max_wait: 2m",
             "3:35: expected a duration from 0ms to 60s, such as 50ms, got '2m'"},
            {"a rule that is a mapping", "amount >= 0]", "{amount: 0}]",
             "6:36: expected a rule, such as amount >= 0, got a mapping"},
            {"a rule cut at its comma", "amount >= 0]", "coalesce(amount) > (0]",
             "6:36: the rule 'coalesce(amount) > (0' ends inside parentheses, since YAML "
             "ends it "
             "at the comma: put the whole rule in quotes"},
            {"one rule without a list", "[customer_id is not null, amount >= 0]",
             "amount >= 0",
             "6:10: expected a list of rules, such as [amount >= 0], got 'amount >= 0'"},
            {"an unknown choice", "sql: |", "on_removed_field: ignore\nsql: |",
             "7:19: expected one of dead_letter, stop, got 'ignore'"},
        });
}

TEST_F(Problems, OfLookups) {
  const std::string lookup = "customers: {changes: customers, on: customer_id}";
  Check(
      "pipelines/orders_now.yaml",
      {
          {"an unknown key", lookup,
           "customers: {change: customers, changes: customers, on: "
           "customer_id}",
           "5:15: a lookup has no key change; did you mean changes?"},
          {"an unknown collection", lookup,
           "customers: {changes: customer, on: customer_id}",
           "5:24: there is no collection customer; did you mean customers?"},
          {"no on", lookup, "customers: {changes: customers}",
           "5:14: a lookup needs the key on, such as customer_id"},
          {"an empty on", lookup, "customers: {changes: customers, on: {}}",
           "5:39: expected a field, or {field of the lookup: field of the change}, got a "
           "mapping"},
          {"on no field of the lookup", lookup,
           "customers: {changes: customers, on: {customerid: customer_id}}",
           "5:40: customers has no field customerid; did you mean customer_id?"},
          {"on no field of the change", lookup,
           "customers: {changes: customers, on: {email: customer}}",
           "5:47: orders has no field customer"},
          {"on a field that is not unique", lookup,
           "customers: {changes: customers, on: {country: customer_id}}",
           "5:39: a lookup finds one row: `on` must be the key of customers or all of "
           "one of its "
           "`unique` lists, which are customer_id or email or region, country"},
          {"on part of a unique list", lookup,
           "customers: {changes: customers, on: {customer_id: customer_id, email: note}}",
           "5:39: a lookup finds one row: `on` must be the key of customers or all of "
           "one of its "
           "`unique` lists, which are customer_id or email or region, country"},
          {"types that differ", lookup,
           "customers: {changes: customers, on: {email: amount}}",
           "5:47: the types must be the same: customers.email is text, orders.amount is "
           "decimal(10,2)"},
          {"the name of the stream", lookup,
           "changes: {changes: customers, on: customer_id}",
           "5:3: changes is the stream itself: give the lookup another name"},
          {"two names that differ in case", lookup,
           lookup + "\n  Customers: {changes: customers, on: customer_id}",
           "6:3: Customers differs from another lookup only in case"},
          {"an unknown time", lookup,
           "customers: {changes: customers, on: customer_id, as_of: commited}",
           "5:59: expected one of commit, now, got 'commited'; did you mean commit?"},
          {"a list of lookups", lookup, "- customers",
           "5:3: expected lookups by name, such as {customers: {changes: customers, on: "
           "customer_id}}, got a list"},
      });
}

TEST_F(Problems, OfSinks) {
  const std::string path = "path: shop/orders_history/";
  const auto bad_path = [&](const std::string& name, const std::string& given,
                            const std::string& shown, const std::string& why) {
    return Case{name, path, "path: " + given,
                "12:19: expected a path in the lake, such as orders_history/, got '" +
                    shown + "': " + why};
  };
  Check(
      "pipelines/orders_now.yaml",
      {
          {"an unknown sink",
           "- lake: ", "- lak: ", "12:5: a sink has no key lak; did you mean lake?"},
          {"two in one", "on_delete: delete}", "on_delete: delete}\n    lake: {path: x}",
           "11:5: expected one sink, such as {lake: {path: orders/}}"},
          {"no table name", "{name: orders, ", "{",
           "11:12: a table sink needs the key name, such as orders"},
          {"no table key", "key: order_id, ", "",
           "11:12: a table sink needs the key key, such as order_id"},
          {"a table named as the lake", "name: orders", "name: Lake",
           "11:19: lake is where SQL finds the lake's tables: choose another name"},
          {"an unknown answer to deletes", "on_delete: delete", "on_delete: remove",
           "11:53: expected one of delete, mark, ignore, got 'remove'"},
          {"no path", path + ", ", "",
           "12:12: a lake sink needs the key path, such as orders_history/"},
          bad_path("an absolute path", "/etc", "/etc",
                   "it must be relative: it lies in the data directory"),
          bad_path("a path out of the lake", "a/../../b", "a/../../b",
                   ". and .. cannot be segments"),
          bad_path("a hidden segment", "a/_b", "a/_b",
                   "what begins with . or _ is hidden from readers of the lake"),
          bad_path("a dot in front", ".a", ".a",
                   "what begins with . or _ is hidden from readers of the lake"),
          bad_path("two slashes", "a//b", "a//b", "a segment is empty"),
          bad_path("a space", "a b", "a b",
                   "segments are made of letters, digits, _, - and ."),
          bad_path("no segment", "/", "/", "it is empty"),
          {"another format", "compression: zstd", "format: csv",
           "12:49: expected one of parquet, got 'csv'"},
          {"another compression", "compression: zstd", "compression: zst",
           "12:54: expected one of zstd, snappy, none, got 'zst'; did you mean zstd?"},
          {"a roll of no rows", "rows: 1000000", "rows: 0",
           "12:73: expected a whole number from 1 to 1000000000, got the number 0"},
          {"a roll of no time", "every: 60s", "every: 0s",
           "12:89: expected a duration from 100ms to 86400s, such as 50ms, got '0s'"},
          {"a roll without a unit", "every: 60s", "size: 128",
           "12:88: expected a size from 64KiB to 65536MiB, such as 16MiB, got the "
           "number 128"},
          {"a roll of few bytes", "every: 60s", "size: 1KiB",
           "12:88: expected a size from 64KiB to 65536MiB, such as 16MiB, got '1KiB'"},
      });
}

TEST_F(Problems, OfTheProjectFile) {
  Check("millrace.yaml",
        {
            {"an unknown key", "access: open", "acess: open",
             "2:1: millrace.yaml has no key acess; did you mean access?"},
            {"no access of that kind", "access: open", "access: true",
             "2:9: expected one of open, closed, got true"},
            {"settings that are a list", "access: open", "settings: [a]",
             "2:11: expected settings, such as {http: {port: 8080}}, got a list"},
            {"a setting without value", "access: open", "settings:\n  http:\n    port:",
             "4:5: expected a value for http.port, got nothing"},
            {"a setting twice", "access: open",
             "settings: {http.port: 1, http: {port: 2}}", "2:33: http.port is set twice"},
            {"a name that is a list", "name: shop", "name: [shop]",
             "1:7: expected a project name, got a list"},
        });
}

}  // namespace
}  // namespace millrace::project
