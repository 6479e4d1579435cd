#include "loading/loading.hpp"

namespace carillon::loading {
namespace {

TEST(password, it_is_read_from_a_file_without_the_newline) {
    const folder here;
    EXPECT_EQ(valid({"--bus-password-file", here.file("1", "ring ring\n")}).bus_password, "ring ring");
    EXPECT_EQ(valid({"--bus-password-file", here.file("2", "ring\r\n")}).bus_password, "ring");
    EXPECT_EQ(valid({"--bus-password-file", here.file("3", "ring")}).bus_password, "ring");
    const std::string longest(512, 'r');
    EXPECT_EQ(valid({"--bus-password-file", here.file("4", longest + "\r\n")}).bus_password, longest);
}

TEST(password, no_refusal_shows_it) {
    const folder here;
    const std::string secret = "do-re-mi";
    const std::string cases[] = {
        refused({"--bus-password", secret, "--bus-password", secret}),
        refused({"--bus-password", secret + "\n"}),
        refused({"--bus-password", secret + std::string(512, 'x')}),
        refused({"--bus-password", secret, "--bus-password-file", here.file("1", "x")}),
        refused({"--bus-password-file", here.file("2", secret + "\nsecond line\n")}),
        refused({"--bus-password-file", here.file("3", secret + std::string(512, 'x'))}),
        refused({"--bus-password-file", here.file("4", secret + std::string(5120, 'x'))}),
        refused({"--bus-passwort=" + secret}),
        refused({}, {{"CARILLON_BUS_PASSWORT", secret}}),
        refused({"--config", here.file("5", "bus_password = ['" + secret + "']")}),
        refused({"--config", here.file("6", "bus_password = " + secret)}),
        refused({"--config", here.file("7", "bus_password = '" + secret)}),
    };
    for (const auto& line : cases) EXPECT_EQ(line.find(secret), std::string::npos) << line;
    EXPECT_EQ(load_with({"--help"}, {{"CARILLON_BUS_PASSWORD", secret}}).text.find(secret), std::string::npos);
}

TEST(password, a_file_that_holds_none_is_refused) {
    const folder here;
    const auto path = here.file("empty", "\n");
    EXPECT_EQ(refused({}, {{"CARILLON_BUS_PASSWORD_FILE", path}}),
              "environment variable CARILLON_BUS_PASSWORD_FILE: '" + path + "' is empty");
    EXPECT_EQ(refused({"--bus-password-file=/nowhere"}),
              "flag --bus-password-file: '/nowhere' cannot be opened: No such file or directory");
    EXPECT_EQ(
        refused({"--bus-password-file", here.file("x", "x")}, {{"CARILLON_BUS_PASSWORD", "y"}}),
        "flag --bus-password-file: the bus password is also given by environment variable CARILLON_BUS_PASSWORD; give "
        "only one");
}

TEST(password, that_of_the_admin_page_is_long_and_not_beside_a_proxy) {
    const folder here;
    EXPECT_EQ(valid({"--admin-password-file", here.file("1", "ring ring ring\n")}).admin_password, "ring ring ring");
    EXPECT_EQ(valid({"--admin-password", "twelve bytes"}).admin_password, "twelve bytes");
    EXPECT_EQ(refused({"--admin-password", "eleven byte"}),
              "flag --admin-password: the password of the admin page has at least 12 bytes");
    EXPECT_EQ(refused({"--admin-password", "twelve bytes", "--admin-behind-proxy"}),
              "flag --admin-password: with admin_behind_proxy no password is asked for; give only one");
    EXPECT_TRUE(valid({"--admin-behind-proxy"}).admin_behind_proxy);
}

TEST(password, it_is_taken_as_it_is_written) {
    for (const std::string text :
         {"[a,b]", "'quoted'", "\"quoted\"", "--help", "-x", "%%", "a b", "{}", "\xc3\xa9", "="}) {
        EXPECT_EQ(valid({"--bus-password", text}).bus_password, text);
        EXPECT_EQ(valid({"--bus-password=" + text}).bus_password, text);
        EXPECT_EQ(valid({}, {{"CARILLON_BUS_PASSWORD", text}}).bus_password, text);
    }
}

} // namespace
} // namespace carillon::loading
