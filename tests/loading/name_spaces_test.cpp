#include "channels/pattern.hpp"
#include "loading/loading.hpp"
#include "loading/name_spaces.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace carillon::loading {
namespace {

using channels::party;

TEST(name_spaces, are_read_in_their_order) {
    const folder here;
    const auto path = here.file("c.toml", "dev = true\n"
                                          "[[namespace]]\n"
                                          "name = 'chat'\n"
                                          "subscribe = ['client', 'token']\n"
                                          "publish = ['subscriber']\n"
                                          "user_limited = true\n"
                                          "channel_pattern = '^[a-z0-9_-]+$'\n"
                                          "[[namespace]]\n"
                                          "[[namespace]]\n"
                                          "name = 'public'\n"
                                          "subscribe = ['anonymous']\n"
                                          "publish = ['anonymous', 'client', 'subscriber', 'token']\n"
                                          "user_limited = false\n");
    const auto values = valid({"--config", path});
    EXPECT_TRUE(values.dev);
    ASSERT_EQ(values.namespaces.size(), 3u);
    EXPECT_EQ(values.namespaces[0], (channels::name_space{.name = "chat",
                                                          .subscribe = {party::client, party::token},
                                                          .publish = {party::subscriber},
                                                          .user_limited = true,
                                                          .channel_pattern = "^[a-z0-9_-]+$"}));
    EXPECT_EQ(values.namespaces[1], channels::name_space{});
    EXPECT_EQ(values.namespaces[2],
              (channels::name_space{.name = "public",
                                    .subscribe = {party::anonymous},
                                    .publish = {party::anonymous, party::client, party::subscriber, party::token}}));
}

TEST(name_spaces, are_none_unless_a_file_has_them) {
    const folder here;
    EXPECT_TRUE(valid({}).namespaces.empty());
    EXPECT_TRUE(valid({"--config", here.file("c.toml", "namespace = []")}).namespaces.empty());
    EXPECT_EQ(refused({}, {{"CARILLON_NAMESPACE", "chat"}}),
              "environment variable 'CARILLON_NAMESPACE' is not an option");
    EXPECT_EQ(refused({"--namespace=chat"}), "flag '--namespace' is not known");
}

TEST(name_spaces, may_be_written_in_a_line_each) {
    const folder here;
    const auto path = here.file("c.toml", "namespace = [{name = 'ab'}, {name = 'cd', subscribe = []}]\nshards = 3\n");
    const auto values = valid({"--config", path});
    ASSERT_EQ(values.namespaces.size(), 2u);
    EXPECT_EQ(values.namespaces[1].name, "cd");
    EXPECT_EQ(values.shards, 3u);
}

struct refused_file {
    const char* title;
    std::string content;
    std::string expected; // after the path
};

TEST(name_spaces, that_are_wrong_are_refused_with_the_line) {
    const folder here;
    const std::string begin = "[[namespace]]\n";
    const refused_file table[] = {
        {"one table", "[namespace]\nname = 'ab'",
         ":1: there can be several namespaces; write [[namespace]] above the keys of each"},
        {"a text", "namespace = 'ab'",
         ":1: there can be several namespaces; write [[namespace]] above the keys of each"},
        {"a list of texts", "namespace = ['ab']",
         ":1: there can be several namespaces; write [[namespace]] above the keys of each"},
        {"something else among the tables", "namespace = [{name = 'ab'}, 3]",
         ":1: there can be several namespaces; write [[namespace]] above the keys of each"},
        {"another name of the table", "[[namespaces]]\nname = 'ab'",
         ":1: 'namespaces' is a table; write every option at the top of the file as key = value; did you mean "
         "namespace?"},

        {"an unknown key", begin + "\nfoo = 1", ":3: 'foo' is no key of a namespace"},
        {"an unknown key with a near name", begin + "subscribes = []",
         ":2: 'subscribes' is no key of a namespace; did you mean subscribe?"},
        {"an option that slipped in", begin + "name = 'ab'\nshards = 2",
         ":3: 'shards' is no key of a namespace; write it above the first [[namespace]]"},
        {"a table inside", begin + "[namespace.rooms]\na = 1", ":2: 'rooms' is no key of a namespace"},

        {"a name that is a number", begin + "name = 12", ":2: name: give a text, in quotes"},
        {"a name of one letter", begin + "name = 'a'",
         ":2: name: 'a' is too short; give at least 2 characters, or none for channels without a namespace"},
        {"a name with a colon", begin + "name = 'chat:'",
         ":2: name: 'chat:' has another character than letters, digits, -, _ and ."},
        {"a name that would be private", begin + "name = '$chat'",
         ":2: name: '$chat' has another character than letters, digits, -, _ and ."},
        {"a name in another script", begin + "name = '\xc3\xa4\xc3\xb6'",
         ":2: name: '" + std::string(4, '?') + "' has another character than letters, digits, -, _ and ."},
        {"a name twice", begin + "name = 'ab'\n" + begin + "name = 'ac'\n" + begin + "name = 'ab'",
         ":5: FILE:1 is the namespace 'ab' already"},
        {"no name twice", begin + "name = ''\n" + begin + "subscribe = []",
         ":3: FILE:1 has the channels without a namespace already; give one of them a name"},
        {"a name longer than a channel's", "client_channel_bytes_max = 4\n" + begin + "name = 'chat'",
         ":2: no channel can be in the namespace 'chat': names have at most 4 bytes (from FILE:1: "
         "client_channel_bytes_max)"},
        {"a name longer than a channel's by default", begin + "name = '" + std::string(255, 'a') + "'",
         ":1: no channel can be in the namespace '" + std::string(80, 'a') +
             "...': names have at most 255 bytes (from the default)"},

        {"a list that is a text", begin + "subscribe = 'client'",
         ":2: subscribe: give an array, any of anonymous, client, token"},
        {"a list of numbers", begin + "subscribe = [1]",
         ":2: subscribe: every item of the array must be a text in quotes"},
        {"somebody unknown", begin + "subscribe = ['clients']",
         ":2: subscribe: 'clients' is not known; give an array, any of anonymous, client, token; did you mean client?"},
        {"nobody", begin + "subscribe = ['']",
         ":2: subscribe: '' is not known; give an array, any of anonymous, client, token"},
        {"who subscribes cannot be subscribed", begin + "subscribe = ['subscriber']",
         ":2: subscribe: 'subscriber' is not known; give an array, any of anonymous, client, token"},
        {"somebody unknown who publishes", begin + "publish = ['client', 'everybody']",
         ":2: publish: 'everybody' is not known; give an array, any of anonymous, client, subscriber, subscribed_client, token"},
        {"somebody twice", begin + "publish = ['client', 'client']", ":2: publish: 'client' is there twice"},

        {"a word for a boolean", begin + "user_limited = 'true'",
         ":2: user_limited: give true or false, without quotes"},
        {"a number for a boolean", begin + "user_limited = 1", ":2: user_limited: give true or false, without quotes"},

        {"a pattern that is none", begin + "channel_pattern = '[a-z'",
         ":2: channel_pattern: '[a-z' is not a pattern: missing ]: [a-z"},
        {"a pattern that looks ahead", begin + "channel_pattern = '(?=a)b'",
         ":2: channel_pattern: '(?=a)b' is not a pattern: invalid perl operator: (?="},
        {"an empty pattern", begin + "channel_pattern = ''",
         ":2: channel_pattern: an empty pattern lets no channel in; leave it out for channels of any name"},
        {"a long pattern", begin + "channel_pattern = '" + std::string(1025, 'a') + "'",
         ":2: channel_pattern: the pattern is longer than 1024 bytes"},
        {"a pattern that is a list", begin + "channel_pattern = ['a']", ":2: channel_pattern: give a text, in quotes"},
        {"a pattern of several lines", begin + "channel_pattern = \"[a\\n\"",
         ":2: channel_pattern: '[a?' is not a pattern: missing ]: [a?"},
    };
    for (const auto& [title, content, expected] : table) {
        const auto path = here.file("c.toml", content);
        std::string line = path + expected;
        if (const auto at = line.find("FILE"); at != line.npos) line.replace(at, 4, path);
        EXPECT_EQ(refused({"--config", path}), line) << title;
    }
}

TEST(name_spaces, say_what_a_channel_keeps) {
    const folder here;
    const auto path = here.file("c.toml", "[[namespace]]\nhistory_size = 10\nhistory_ttl_s = 60\nrecovery = 'cache'\n"
                                          "history_meta_ttl_s = 600\nhistory = ['subscriber']\n");
    const auto all = valid({"--config", path}).namespaces;
    EXPECT_EQ(all[0].history_size, 10u);
    EXPECT_EQ(all[0].history_ttl, std::chrono::seconds{60});
    EXPECT_EQ(all[0].history_meta_ttl, std::chrono::seconds{600});
    EXPECT_EQ(all[0].recovery, channels::recovery_mode::cache);
    EXPECT_TRUE(all[0].history.has(channels::party::subscriber));
    const struct {
        const char* lines;
        std::string expected;
    } mistakes[] = {
        {"history_size = 10001", ":2: history_size: 10001 is not a number from 0 to 10000"},
        {"history_size = -1", ":2: history_size: -1 is not a number from 0 to 10000"},
        {"history_size = '1'", ":2: history_size: give a number from 0 to 10000, without quotes"},
        {"history_ttl_s = 0", ":2: history_ttl_s: 0 is not a number from 1 to 31622400 (seconds)"},
        {"history_size = 1\nrecovery = 'streem'",
         ":3: recovery: 'streem' is not known; give one of off, stream, cache; did you mean stream?"},
        {"recovery = 'stream'", ":1: nothing can be recovered where nothing is kept; give history_size, too"},
    };
    for (const auto& each : mistakes) {
        const auto wrong = here.file("d.toml", std::string{"[[namespace]]\n"} + each.lines + "\n");
        EXPECT_EQ(refused({"--config", wrong}), wrong + each.expected) << each.lines;
    }
    EXPECT_TRUE(valid({"--config", path, "--bus", "redis://localhost"}).bus);
}

TEST(name_spaces, say_what_happens_to_slow_clients) {
    const folder here;
    const auto path = here.file("c.toml", "[[namespace]]\nname = 'ab'\nslow_consumer = 'keep_latest'\n"
                                          "[[namespace]]\nname = 'cd'\nslow_consumer = 'drop_oldest'\n"
                                          "[[namespace]]\nname = 'ef'\n");
    const auto all = valid({"--config", path}).namespaces;
    EXPECT_EQ(all[0].slow_consumer, channels::slow_consumer_policy::keep_latest);
    EXPECT_EQ(all[1].slow_consumer, channels::slow_consumer_policy::drop_oldest);
    EXPECT_EQ(all[2].slow_consumer, channels::slow_consumer_policy::disconnect);
    const auto wrong = here.file("d.toml", "[[namespace]]\nslow_consumer = 'drop_older'\n");
    EXPECT_EQ(refused({"--config", wrong}), wrong +
                                                ":2: slow_consumer: 'drop_older' is not known; give one of disconnect, "
                                                "drop_oldest, keep_latest; did you mean drop_oldest?");
}

TEST(name_spaces, say_how_publications_may_be_had) {
    const folder here;
    const std::string recovers = "history_size = 1\nrecovery = 'cache'\n";
    const auto path =
        here.file("c.toml", "[[namespace]]\nname = 'ab'\nallowed_delta_types = ['fossil']\n" + recovers +
                                "[[namespace]]\nname = 'cd'\nallow_tags_filter = true\njoin_leave = true\n"
                                "join_leave_debounce_s = 3\nallowed_delta_types = []\n");
    const auto all = valid({"--config", path}).namespaces;
    EXPECT_TRUE(all[0].allowed_delta_types.fossil && !all[0].allow_tags_filter);
    EXPECT_TRUE(all[1].allowed_delta_types.empty() && all[1].allow_tags_filter);
    EXPECT_EQ(all[1].join_leave_debounce, std::chrono::seconds{3});
    const struct {
        std::string lines, expected;
    } mistakes[] = {
        {"allowed_delta_types = 'fossil'", ":2: allowed_delta_types: give an array, any of fossil"},
        {"allowed_delta_types = [1]", ":2: allowed_delta_types: every item of the array must be a text in quotes"},
        {"allowed_delta_types = ['xdelta']",
         ":2: allowed_delta_types: 'xdelta' is not known; give an array, any of fossil"},
        {"allowed_delta_types = ['fossil', 'fossil']", ":2: allowed_delta_types: 'fossil' is there twice"},
        {"allowed_delta_types = ['fossil']", ":1: deltas are for channels that can be recovered; give recovery, too"},
        {recovers + "allowed_delta_types = ['fossil']\nslow_consumer = 'keep_latest'",
         ":1: a delta is of the publication before it, which slow_consumer may drop; leave out slow_consumer or "
         "allowed_delta_types"},
        {"join_leave_debounce_s = 3", ":1: join_leave_debounce_s needs join_leave"},
    };
    for (const auto& each : mistakes) {
        const auto wrong = here.file("d.toml", "[[namespace]]\n" + each.lines + "\n");
        EXPECT_EQ(refused({"--config", wrong}), wrong + each.expected) << each.lines;
    }
    const auto waits = here.file("e.toml", "[[namespace]]\njoin_leave = true\njoin_leave_debounce_s = 3\n");
    EXPECT_EQ(refused({"--config", waits, "--bus", "redis://localhost"}),
              waits + ":1: join_leave_debounce_s is for the bus inside of the process so far; leave it out with an "
                      "external bus");
}

TEST(name_spaces, are_as_long_as_may_be) {
    const folder here;
    const std::string content = "[[namespace]]\nname = '" + std::string(254, 'a') + "'\n[[namespace]]\n" +
                                "channel_pattern = '" + std::string(1024, 'a') + "'\n";
    EXPECT_EQ(valid({"--config", here.file("c.toml", content)}).namespaces.size(), 2u);
}

TEST(name_spaces, are_as_many_as_may_be) {
    const folder here;
    std::string content;
    for (std::size_t number = 0; number < channels::name_spaces_max; ++number)
        content += fmt::format("[[namespace]]\nname = 'space{}'\n", number);
    EXPECT_EQ(valid({"--config", here.file("c.toml", content)}).namespaces.size(), 1024u);
    const auto path = here.file("d.toml", content + "[[namespace]]\nname = 'more'\n");
    EXPECT_EQ(refused({"--config", path}), path + ":2049: there are more than 1024 namespaces");
}

TEST(name_spaces, are_not_for_the_bus) {
    const folder here;
    const auto path = here.file("c.toml", "shards = 1\n[[namespace]]\nname = 'ab'\n");
    EXPECT_EQ(refused_by(program::bus, {"--config", path}),
              path + ":2: 'namespace' is a table; write every option at the top of the file as key = value");
}

std::string documentation() {
    std::ifstream file{CARILLON_CHANNELS_PAGE};
    return {std::istreambuf_iterator<char>{file}, {}};
}

TEST(name_spaces, are_documented_key_by_key) {
    std::vector<std::string> rows;
    for (const auto& row : name_space_keys())
        rows.push_back(fmt::format("| `{}` | {} | {} | {} |", row.key, values_of(row), row.otherwise, row.help));
    const auto page = documentation();
    const auto head = page.find("| Key | Values | Without it |");
    ASSERT_NE(head, page.npos);
    std::istringstream lines{page.substr(head)};
    std::string line;
    std::getline(lines, line);
    std::getline(lines, line);
    for (const auto& row : rows) {
        std::getline(lines, line);
        EXPECT_EQ(line, row);
    }
    std::getline(lines, line);
    EXPECT_EQ(line, "") << "a row too many";
}

TEST(name_spaces, of_the_documentation_are_valid) {
    const folder here;
    const auto page = documentation();
    const std::string_view fence = "```toml\n";
    std::size_t examples = 0;
    for (auto at = page.find(fence); at != page.npos; at = page.find(fence, at + 1), ++examples) {
        const auto begin = at + fence.size();
        const auto path = here.file("c.toml", page.substr(begin, page.find("```", begin) - begin));
        EXPECT_GE(valid({"--config", path}).namespaces.size(), 1u) << "example " << examples;
    }
    EXPECT_GE(examples, 2u);
}

} // namespace
} // namespace carillon::loading
