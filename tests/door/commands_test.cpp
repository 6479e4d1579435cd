#include "protocol/payload.hpp"
#include "resp/writer.hpp"
#include "support/test_shard.hpp"

#include <sstream>
#include <string>
#include <vector>

namespace carillon::test {
namespace {

using metrics::resp_error;

// Lines as people type them become arrays of bulk strings, as programs send them.
std::string as_arrays(std::string_view lines) {
    std::istringstream all{std::string{lines}};
    std::string out;
    for (std::string line; std::getline(all, line);) {
        std::istringstream words{line};
        std::vector<std::string> parts;
        for (std::string word; words >> word;) parts.push_back(word);
        const std::vector<std::string_view> views{parts.begin(), parts.end()};
        resp::append_command(out, views);
    }
    return out;
}

std::string as_lines(std::string_view lines) {
    std::string out;
    for (const char c : lines) out += c == '\n' ? std::string{"\r\n"} : std::string{c};
    return out;
}

constexpr const char* no_password = "";
constexpr const char* password = "secret";

struct dialogue {
    const char* name;
    const char* password;
    const char* said;  // a command a line; words without blanks
    const char* heard; // byte for byte
    bool ends = false;
};

const std::string long_channel = "PUBLISH " + std::string(256, 'c') + " x\nSUBSCRIBE " + std::string(256, 'c') + "\n";

const dialogue dialogues[] = {
    {"ping", no_password, "PING\n", "+PONG\r\n"},
    {"ping with a text", no_password, "PING hello\n", "$5\r\nhello\r\n"},
    {"ping with two texts", no_password, "PING a b\n", "-ERR wrong number of arguments for 'ping' command\r\n"},
    {"case does not matter", no_password, "pInG\nEcHo X\n", "+PONG\r\n$1\r\nX\r\n"},
    {"echo", no_password, "ECHO hello\n", "$5\r\nhello\r\n"},
    {"echo without a text", no_password, "ECHO\n", "-ERR wrong number of arguments for 'echo' command\r\n"},
    {"publish to nobody", no_password, "PUBLISH a 1\n", ":0\r\n"},
    {"publish without a payload", no_password, "PUBLISH a\n",
     "-ERR wrong number of arguments for 'publish' command\r\n"},
    {"publish with a word too many", no_password, "PUBLISH a 1 2\n",
     "-ERR wrong number of arguments for 'publish' command\r\n"},
    {"an unknown command repeats its arguments", no_password, "GET a b\n",
     "-ERR unknown command 'GET', with args beginning with: 'a' 'b' \r\n"},
    {"an unknown command without arguments", no_password, "FLUSHALL\n",
     "-ERR unknown command 'FLUSHALL', with args beginning with: \r\n"},
    {"an error does not end the connection", no_password, "GET\nPING\n",
     "-ERR unknown command 'GET', with args beginning with: \r\n+PONG\r\n"},
    {"subscribe", no_password, "SUBSCRIBE a\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"},
    {"subscribe to several counts up, and a second time stays", no_password, "SUBSCRIBE a b a\n",
     "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n*3\r\n$9\r\nsubscribe\r\n$"
     "1\r\na\r\n:2\r\n"},
    {"subscribe without a channel", no_password, "SUBSCRIBE\n",
     "-ERR wrong number of arguments for 'subscribe' command\r\n"},
    {"unsubscribe counts down, and what was not joined is confirmed, too", no_password,
     "SUBSCRIBE a b\nUNSUBSCRIBE x a\n",
     "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"
     "*3\r\n$11\r\nunsubscribe\r\n$1\r\nx\r\n:2\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n"},
    {"unsubscribe without a channel leaves the one there is", no_password, "SUBSCRIBE a\nUNSUBSCRIBE\nPUBLISH a 1\n",
     "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n:0\r\n"},
    {"unsubscribe without a channel and without subscriptions", no_password, "UNSUBSCRIBE\n",
     "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n"},
    {"unsubscribe without subscriptions in RESP3", no_password, "HELLO 3\nRESET\nUNSUBSCRIBE\n",
     "%7\r\n$6\r\nserver\r\n$8\r\ncarillon\r\n$7\r\nversion\r\n$5\r\n" CARILLON_VERSION
     "\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
     "7\r\nmodules\r\n*0\r\n"
     "+RESET\r\n*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n"},
    {"a subscriber that speaks RESP2 may ping, in its own form", no_password, "SUBSCRIBE a\nPING\nPING x\n",
     "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n*2\r\n$4\r\npong\r\n$1\r\nx\r\n"},
    {"a subscriber that speaks RESP2 may not publish", no_password, "SUBSCRIBE a\nPUBLISH a 1\nCLIENT ID\n",
     "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
     "-ERR Can't execute 'publish': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
     "context\r\n"
     "-ERR Can't execute 'client|id': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
     "context\r\n"},
    {"a subscriber that has left everything may publish again", no_password,
     "SUBSCRIBE a\nUNSUBSCRIBE a\nPUBLISH a 1\n",
     "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n:0\r\n"},
    {"reset leaves everything", no_password, "SUBSCRIBE a\nRESET\nPUBLISH a 1\n",
     "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n+RESET\r\n:0\r\n"},
    {"hello keeps RESP2 without a version", no_password, "HELLO\n",
     "*14\r\n$6\r\nserver\r\n$8\r\ncarillon\r\n$7\r\nversion\r\n$5\r\n" CARILLON_VERSION
     "\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
     "7\r\nmodules\r\n*0\r\n"},
    {"hello 3 begins RESP3: pushes, and publishing while subscribed; a plain ping", no_password,
     "HELLO 3 SETNAME me\nSUBSCRIBE a\nPING\nCLIENT GETNAME\nPUBLISH a 1\nUNSUBSCRIBE\nUNSUBSCRIBE\n",
     "%7\r\n$6\r\nserver\r\n$8\r\ncarillon\r\n$7\r\nversion\r\n$5\r\n" CARILLON_VERSION
     "\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
     "7\r\nmodules\r\n*0\r\n"
     ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n+PONG\r\n$2\r\nme\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\n1\r\n:"
     "1\r\n"
     ">3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n>3\r\n$11\r\nunsubscribe\r\n_\r\n:0\r\n"},
    {"hello 4 is not spoken", no_password, "HELLO 4\n", "-NOPROTO unsupported protocol version\r\n"},
    {"hello with a word for a version", no_password, "HELLO three\n",
     "-ERR Protocol version is not an integer or out of range\r\n"},
    {"hello with an unknown option", no_password, "HELLO 3 LOUD\n", "-ERR Syntax error in HELLO option 'LOUD'\r\n"},
    {"hello with half an option", no_password, "HELLO 3 AUTH default\n",
     "-ERR Syntax error in HELLO option 'AUTH'\r\n"},
    {"select 0", no_password, "SELECT 0\n", "+OK\r\n"},
    {"select 1", no_password, "SELECT 1\n", "+OK\r\n"},
    {"select nothing", no_password, "SELECT x\n", "-ERR value is not an integer or out of range\r\n"},
    {"client talk", no_password,
     "CLIENT ID\nCLIENT SETNAME me\nCLIENT GETNAME\nCLIENT SETINFO LIB-NAME x\nCLIENT KILL\n",
     ":1\r\n+OK\r\n$2\r\nme\r\n+OK\r\n-ERR wrong number of arguments for 'client|kill' command\r\n"},
    {"command talk", no_password, "COMMAND COUNT\nCOMMAND X\n",
     ":29\r\n-ERR unknown subcommand 'X'. Try COMMAND HELP.\r\n"},
    {"auth without a password configured", no_password, "AUTH x\n",
     "-ERR AUTH <password> called without any password configured for the default user. Are you sure your "
     "configuration is correct?\r\n"},
    {"auth of the default user without a password configured", no_password, "AUTH default x\n", "+OK\r\n"},
    {"auth with too much", no_password, "AUTH a b c\n", "-ERR syntax error\r\n"},
    {"before login almost nothing is allowed", password, "PING\nPUBLISH a 1\nSUBSCRIBE a\nCLIENT ID\n",
     "-NOAUTH Authentication required.\r\n-NOAUTH Authentication required.\r\n-NOAUTH Authentication "
     "required.\r\n-NOAUTH "
     "Authentication required.\r\n"},
    {"unknown commands and wrong arguments are told before login, as Redis does", password, "GET\nECHO\n",
     "-ERR unknown command 'GET', with args beginning with: \r\n-ERR wrong number of arguments for 'echo' command\r\n"},
    {"the right password", password, "AUTH secret\nPING\n", "+OK\r\n+PONG\r\n"},
    {"the right user and password", password, "AUTH default secret\nPING\n", "+OK\r\n+PONG\r\n"},
    {"a wrong password", password, "AUTH secreT\nAUTH secrets\nPING\n",
     "-WRONGPASS invalid username-password pair or user is disabled.\r\n-WRONGPASS invalid username-password pair or "
     "user is "
     "disabled.\r\n-NOAUTH Authentication required.\r\n"},
    {"a wrong user", password, "AUTH admin secret\n",
     "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
    {"a wrong password after a right one does not log out", password, "AUTH secret\nAUTH x\nPING\n",
     "+OK\r\n-WRONGPASS invalid username-password pair or user is disabled.\r\n+PONG\r\n"},
    {"hello needs the login", password, "HELLO 3\n",
     "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> "
     "<pass> option can "
     "be used to authenticate the client and select the RESP protocol version at the same time\r\n"},
    {"hello with the login", password, "HELLO 2 AUTH default secret\nPING\n",
     "*14\r\n$6\r\nserver\r\n$8\r\ncarillon\r\n$7\r\nversion\r\n$5\r\n" CARILLON_VERSION
     "\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
     "7\r\nmodules\r\n*0\r\n+PONG\r\n"},
    {"hello with a wrong login stays in RESP2", password, "HELLO 3 AUTH default x\nAUTH secret\nUNSUBSCRIBE\n",
     "-WRONGPASS invalid username-password pair or user is "
     "disabled.\r\n+OK\r\n*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n"},
    {"reset logs out", password, "AUTH secret\nRESET\nPING\n", "+OK\r\n+RESET\r\n-NOAUTH Authentication required.\r\n"},
    {"quit is answered and ends the connection; nothing after it is run", no_password, "PING\nQUIT\nPING\n",
     "+PONG\r\n+OK\r\n", true},
    {"quit needs no login", password, "QUIT\n", "+OK\r\n", true},
    {"a subscriber may quit", no_password, "SUBSCRIBE a\nQUIT\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n+OK\r\n",
     true},
    {"a browser that was made to speak HTTP is sent away", no_password, "POST / HTTP/1.1\nPUBLISH a 1\n", "", true},
    {"what a web page sends in headers is not run", no_password, "Host: example.org\nPUBLISH a 1\n", "", true},
    {"a channel that is too long", no_password, long_channel.c_str(),
     "-ERR channel is longer than 255 bytes\r\n-ERR channel is longer than 255 bytes\r\n"},
};

void expect_dialogue(const dialogue& each, std::string_view bytes, std::size_t cut) {
    shard_options how;
    how.programs.password = each.password;
    test_shard shard{how};
    peer program = shard.program(bytes.substr(0, cut));
    program.write(bytes.substr(cut));
    shard.settle();
    EXPECT_EQ(program.take(), each.heard) << "cut at " << cut << " of " << bytes.size();
    EXPECT_EQ(program.ended(), each.ends);
    if (!each.ends) shard.expect_at_rest();
    program.hang_up();
    shard.expect_empty();
}

TEST(door_commands, are_answered_byte_for_byte_wherever_they_are_cut) {
    for (const dialogue& each : dialogues) {
        SCOPED_TRACE(each.name);
        // Lines are cut at every byte, too, though each form would do.
        for (const std::string& bytes : {as_arrays(each.said), as_lines(each.said)}) {
            for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
                expect_dialogue(each, bytes, cut);
                if (HasFailure()) return;
            }
        }
    }
}

TEST(door_commands, may_come_byte_by_byte) {
    for (const dialogue& each : dialogues) {
        SCOPED_TRACE(each.name);
        shard_options how;
        how.programs.password = each.password;
        test_shard shard{how};
        peer program = shard.program();
        for (const char byte : as_arrays(each.said)) {
            program.write({&byte, 1});
            shard.settle();
        }
        EXPECT_EQ(program.take(), each.heard);
        EXPECT_EQ(program.ended(), each.ends);
    }
}

TEST(door_commands, unsubscribe_without_a_channel_leaves_all_with_a_confirmation_each) {
    test_shard shard;
    peer program = shard.program(as_arrays("SUBSCRIBE a b c\nUNSUBSCRIBE\n"));
    const std::string heard = program.take();
    for (const char* left : {"$1\r\na\r\n", "$1\r\nb\r\n", "$1\r\nc\r\n"}) {
        EXPECT_NE(heard.find(std::string{"unsubscribe\r\n"} + left), std::string::npos) << left;
    }
    EXPECT_TRUE(heard.ends_with(":0\r\n"));
    EXPECT_EQ(shard.subscribers.subscriptions(), 0u);
}

TEST(door_commands, info_tells_a_redis_tool_what_it_asks_for) {
    test_shard shard;
    peer program = shard.program(as_arrays("INFO\n"));
    const std::string heard = program.take();
    EXPECT_NE(heard.find("redis_mode:standalone\r\n"), std::string::npos);
    EXPECT_NE(heard.find("connected_clients:1\r\n"), std::string::npos);
}

// --- what the protocol does not allow

struct broken {
    const char* name;
    std::string bytes;
    const char* heard;
};
const broken breaks[] = {
    {"a count that is no number", "*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
    {"more arguments than allowed", "*1025\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
    {"an argument that is no bulk string", "*1\r\n:1\r\n", "-ERR Protocol error: expected '$', got ':'\r\n"},
    {"a length that is no number", "*1\r\n$x\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
    {"a length beyond the limit", "*1\r\n$1048577\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
    {"a payload longer than it said", "*1\r\n$4\r\nPINGPONG\r\n", "-ERR Protocol error: expected CRLF\r\n"},
    {"quotes that do not close", "PING \"a\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"},
    {"commands before it are answered", "PING\r\n*x\r\nPING\r\n",
     "+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n"},
};

TEST(door_commands, a_broken_stream_is_told_what_is_wrong_and_closed) {
    for (const broken& each : breaks) {
        SCOPED_TRACE(each.name);
        for (std::size_t cut = 0; cut <= each.bytes.size(); ++cut) {
            test_shard shard;
            peer program = shard.program(std::string_view{each.bytes}.substr(0, cut));
            program.write(std::string_view{each.bytes}.substr(cut));
            shard.settle();
            EXPECT_EQ(program.take(), each.heard);
            EXPECT_TRUE(program.ended());
            EXPECT_EQ(shard.counters.resp_errors(resp_error::protocol), 1u);
            program.write("PING\r\n"); // read and dropped
            shard.settle();
            program.hang_up();
            shard.expect_empty();
        }
    }
}

// --- payloads

struct payload_case {
    const char* name;
    std::string payload;
    std::string heard;
    metrics::publication_refusal refusal = metrics::publication_refusal::other; ///< other: accepted
};
const payload_case payloads[] = {
    {"JSON", R"({"a":[1,2]})", ":1\r\n"},
    {"text", "hello", ":1\r\n"},
    {"nothing", "", ":1\r\n"},
    {"JSON of the depth that is allowed", std::string(500, '[') + std::string(500, ']'), ":1\r\n"},
    {"JSON that is too deep", std::string(501, '[') + std::string(501, ']'),
     "-ERR payload is JSON nested deeper than 500\r\n", metrics::publication_refusal::too_deep},
    {"bytes that are no UTF-8", "\xff\xfe", "-ERR payload is neither JSON nor UTF-8 text\r\n",
     metrics::publication_refusal::not_utf8},
    {"as much as allowed", std::string(1002, 'x'), ":1\r\n"},
    {"more than allowed", std::string(1003, 'x'), "-ERR payload is longer than 1002 bytes\r\n",
     metrics::publication_refusal::too_big},
};

TEST(door_commands, payloads_that_no_client_could_read_are_refused_and_counted) {
    for (const payload_case& each : payloads) {
        SCOPED_TRACE(each.name);
        shard_options how;
        how.programs.payload_bytes_max = 1002;
        test_shard shard{how};
        peer reader = shard.program(as_arrays("SUBSCRIBE a\n"));
        reader.take();
        std::string command;
        resp::append_command(command, {"PUBLISH", "a", each.payload});
        peer program = shard.program(command);
        EXPECT_EQ(program.take(), each.heard);
        const bool accepted = each.refusal == metrics::publication_refusal::other;
        std::string message;
        if (accepted) resp::append_message(message, "a", each.payload, resp::version::resp2);
        EXPECT_EQ(reader.take(), message);
        EXPECT_EQ(shard.counters.publications(metrics::publication_source::resp), accepted ? 1u : 0u);
        EXPECT_EQ(shard.counters.publications_as_text(metrics::publication_source::resp),
                  accepted && !protocol::is_json(each.payload) ? 1u : 0u);
        EXPECT_EQ(shard.counters.publications_refused(each.refusal), accepted ? 0u : 1u);
        EXPECT_EQ(shard.counters.resp_errors(resp_error::refused_payload), accepted ? 0u : 1u);
    }
}

TEST(door_commands, errors_are_counted_by_their_kind) {
    shard_options how;
    how.programs.password = password;
    how.programs.subscriptions_max = 1;
    test_shard shard{how};
    peer program = shard.program(as_arrays("PING\nAUTH x\nAUTH secret\nGET\nECHO\nSUBSCRIBE a b\nECHO x\n"));
    EXPECT_NE(program.take().find("-ERR more than 1 subscriptions\r\n"), std::string::npos);
    EXPECT_EQ(shard.counters.resp_errors(resp_error::not_authenticated), 1u);
    EXPECT_EQ(shard.counters.resp_errors(resp_error::wrong_password), 1u);
    EXPECT_EQ(shard.counters.resp_errors(resp_error::unknown_command), 1u);
    EXPECT_EQ(shard.counters.resp_errors(resp_error::wrong_arguments), 1u);
    EXPECT_EQ(shard.counters.resp_errors(resp_error::limit), 1u);
    EXPECT_EQ(shard.counters.resp_errors(resp_error::not_allowed), 1u);
    EXPECT_EQ(shard.counters.resp_commands(metrics::resp_command::auth), 2u);
    EXPECT_EQ(shard.counters.resp_commands(metrics::resp_command::other), 1u);
}

} // namespace
} // namespace carillon::test
