#include "config/rules.hpp"
#include "loading/loading.hpp"

namespace carillon::loading {
namespace {

using keys = std::vector<api_key>;

TEST(api_key, it_is_given_by_itself_or_in_a_file_of_one_or_more) {
    const folder here;
    EXPECT_EQ(api_keys_of(valid({})), keys{});
    EXPECT_EQ(api_keys_of(valid({"--api-key", "open"})), keys{api_key{"open"}});
    EXPECT_EQ(api_keys_of(valid({"--api-key-file", here.file("1", "open\n")})), keys{api_key{"open"}});
    EXPECT_EQ(api_keys_of(valid({"--api-key-file", here.file("2", "\nnew\r\n\nold")})),
              (keys{api_key{"new"}, api_key{"old"}}));
    EXPECT_EQ(api_keys_of(valid({}, {{"CARILLON_API_KEY", "open"}})), keys{api_key{"open"}});
}

TEST(api_key, what_is_no_key_is_refused_and_not_shown) {
    const folder here;
    const auto many = here.file("many", "good\nnot good\n");
    EXPECT_EQ(refused({"--api-key-file", many}),
              "flag --api-key-file: '" + many +
                  "' line 2: a key is a word of at most 512 letters, digits and signs of ASCII");
    const auto empty = here.file("empty", "\n\n");
    EXPECT_EQ(refused({"--api-key-file", empty}), "flag --api-key-file: '" + empty + "' is empty");
    EXPECT_EQ(refused({"--api-key", "two words"}),
              "flag --api-key: a key is a word of at most 512 letters, digits and signs of ASCII");
    EXPECT_EQ(refused({"--api-key", "open", "--api-key-file", many}),
              "flag --api-key-file: the key is also given by flag --api-key; give only one");
    EXPECT_EQ(load_with({"--help"}, {{"CARILLON_API_KEY", "do-re-mi"}}).text.find("do-re-mi"), std::string::npos);
    for (const char* which : {"--api-key", "--api-key-file"})
        EXPECT_EQ(load_for(program::bus, {which, "open"}).exit_code, 2) << which;
}

TEST(api_key, a_table_says_what_it_is_for) {
    const folder here;
    const auto path = here.file("key", "from-a-file\n");
    const auto file = here.file("c.toml", "dev = true\n[[api_key]]\nkey = \"one\"\nmethods = [\"publish\", \"info\"]\n"
                                          "[[api_key]]\nkey_file = \"" +
                                              path + "\"\n");
    EXPECT_EQ(api_keys_of(valid({"--config", file})),
              (keys{api_key{"one", {"publish", "info"}}, api_key{"from-a-file"}}));
    EXPECT_EQ(api_keys_of(valid({"--config", file, "--api-key", "zero"})).front(), api_key{"zero"});
    EXPECT_EQ(refused({"--config", file, "--api-key", "one"}), file + ":2: the key is given already");
}

TEST(api_key, a_table_that_is_wrong_is_refused_with_the_line) {
    const folder here;
    const std::pair<std::string, std::string> rows[] = {
        {"[api_key]\nkey = \"a\"", ":1: there can be several keys; write [[api_key]] above what belongs to each"},
        {"[[api_key]]\nmethods = [\"info\"]", ":1: give the key, or key_file, and not both"},
        {"[[api_key]]\nkey = \"a\"\nkey_file = \"b\"", ":1: give the key, or key_file, and not both"},
        {"[[api_key]]\nkey = \"a b\"", ":2: key: a key is a word of at most 512 letters, digits and signs of ASCII"},
        {"[[api_key]]\nkey = 1", ":2: key: give a text of at most 4096 bytes, in quotes"},
        {"[[api_key]]\nkey = \"a\"\nmethods = []",
         R"(:3: methods: give an array of methods like ["publish", "broadcast"])"},
        {"[[api_key]]\nkey = \"a\"\nmethods = [\"publsh\"]",
         ":3: methods: 'publsh' is no method that a key can be for; did you mean publish?"},
        {"[[api_key]]\nkey = \"a\"\nmethods = [\"batch\"]", ":3: methods: 'batch' is no method that a key can be for"},
        {"[[api_key]]\nkey = \"a\"\nmethods = [\"info\", \"info\"]", ":3: methods: 'info' is there twice"},
        {"[[api_key]]\nkey = \"a\"\nmethod = [\"info\"]",
         ":3: 'method' has no place in [[api_key]]; did you mean methods?"},
        {"[[api_key]]\nkey = \"a\"\n[[api_key]]\nkey = \"a\"", ":3: the key is given already"},
        {"[[api_key]]\nkey_file = \"/nowhere\"",
         ":1: key_file: '/nowhere' cannot be opened: No such file or directory"},
    };
    for (const auto& [text, why] : rows) {
        const auto path = here.file("c.toml", text + "\n");
        EXPECT_EQ(refused({"--config", path}), path + why) << text;
    }
}

TEST(personal_channel, is_in_a_namespace_that_there_is) {
    const folder here;
    const auto path = here.file("c.toml", "personal_channel = true\npersonal_channel_namespace = \"me\"\n"
                                          "[[namespace]]\nname = \"me\"\n");
    EXPECT_EQ(valid({"--config", path}).personal_channel_namespace, "me");
    EXPECT_EQ(refused({"--config", path, "--personal-channel-namespace", "my"}),
              "flag --personal-channel-namespace: there is no namespace 'my'");
    valid({"--dev", "--personal-channel-namespace", "my"});
}

TEST(api_key, a_body_has_room_for_a_publication) {
    EXPECT_NE(refused({"--api-key", "open", "--api-body-bytes-max", "65536"}).find("api-body-bytes-max"),
              std::string::npos);
    valid({"--api-body-bytes-max", "65536"});
}

} // namespace
} // namespace carillon::loading
