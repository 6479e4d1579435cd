#include "config/loading.hpp"
#include "config/rules.hpp"

namespace carillon::config {
namespace {

using keys = std::vector<std::string>;

TEST(api_key, it_is_given_by_itself_or_in_a_file_of_one_or_more) {
    const folder here;
    EXPECT_EQ(api_keys_of(valid({})), keys{});
    EXPECT_EQ(api_keys_of(valid({"--api-key", "open"})), keys{"open"});
    EXPECT_EQ(api_keys_of(valid({"--api-key-file", here.file("1", "open\n")})), keys{"open"});
    EXPECT_EQ(api_keys_of(valid({"--api-key-file", here.file("2", "\nnew\r\n\nold")})), (keys{"new", "old"}));
    EXPECT_EQ(api_keys_of(valid({}, {{"CARILLON_API_KEY", "open"}})), keys{"open"});
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

TEST(api_key, a_body_has_room_for_a_publication) {
    EXPECT_NE(refused({"--api-key", "open", "--api-body-bytes-max", "65536"}).find("api-body-bytes-max"),
              std::string::npos);
    valid({"--api-body-bytes-max", "65536"});
}

} // namespace
} // namespace carillon::config
