#include "auth/claims_reader.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace carillon::auth {
namespace {

constexpr std::size_t claims_bytes_max = 100'000;

// What claims say, in one line of words: the tables compare these.
std::string describe(const std::optional<payload>& what) {
    if (!what) return "-";
    return (what->any_bytes ? "bytes:" : "json:") + what->bytes;
}

std::string describe(const std::optional<std::chrono::sys_seconds>& at) {
    return at ? std::to_string(at->time_since_epoch().count()) : "-";
}

std::string describe(const overrides& over) {
    std::string out;
    const auto add = [&](const char* name, const std::optional<bool>& value) {
        if (value) out.append(" ").append(name).append(*value ? "=on" : "=off");
    };
    add("presence", over.presence);
    add("join_leave", over.join_leave);
    add("force_push_join_leave", over.force_push_join_leave);
    add("force_positioning", over.force_positioning);
    add("force_recovery", over.force_recovery);
    return out;
}

std::string describe(const common_claims& claims) {
    std::string out = "user=" + claims.user;
    out += " exp=" + describe(claims.token_expires) + " nbf=" + describe(claims.token_begins);
    return out + " until=" + describe(claims.expires) + " info=" + describe(claims.info);
}

std::string describe(const connection_claims& claims) {
    std::string out = describe(static_cast<const common_claims&>(claims)) + " meta=" + claims.meta;
    for (const granted_subscription& each : claims.subscriptions) {
        out += " [" + each.channel + " info=" + describe(each.info) + " data=" + describe(each.data) +
               describe(each.over) + "]";
    }
    return out;
}

std::string describe(const subscription_claims& claims) {
    return describe(static_cast<const common_claims&>(claims)) + " channel=" + claims.channel +
           " client=" + claims.client + " data=" + describe(claims.data) + describe(claims.over);
}

struct good_claims {
    const char* name;
    std::string text;
    std::string expected;
};

TEST(claims, of_connections_are_read) {
    const std::vector<good_claims> table{
        {"none at all", "{}", "user= exp=- nbf=- until=- info=- meta="},
        {"a user", R"({"sub":"42"})", "user=42 exp=- nbf=- until=- info=- meta="},
        {"names and texts with escapes", R"({"\u0073ub":"\u00e9\u0000"})",
         std::string{"user=é\0 exp=- nbf=- until=- info=- meta=", 41}},
        {"times", R"({"exp":1700000000,"nbf":1600000000,"iat":1})",
         "user= exp=1700000000 nbf=1600000000 until=1700000000 info=- meta="},
        {"times with fractions", R"({"exp":1700000000.9,"nbf":1.6e9,"iat":-0.5})",
         "user= exp=1700000000 nbf=1600000000 until=1700000000 info=- meta="},
        {"a time before 1970", R"({"exp":-1.5})", "user= exp=-2 nbf=- until=-2 info=- meta="},
        {"the connection ends later than the token", R"({"exp":5,"expire_at":9})",
         "user= exp=5 nbf=- until=9 info=- meta="},
        {"the connection never ends", R"({"expire_at":0,"exp":5})", "user= exp=5 nbf=- until=- info=- meta="},
        {"null counts as absent for claims of the client protocol",
         R"({"expire_at":null,"info":null,"b64info":null,"channels":null,"subs":null,"meta":null})",
         "user= exp=- nbf=- until=- info=- meta="},
        {"info, as it stands but for the blanks", R"({"info": { "n" : 1.00, "s":"a b\n",
 "l":[1 , 2]} })",
         R"(user= exp=- nbf=- until=- info=json:{"n":1.00,"s":"a b\n","l":[1,2]} meta=)"},
        {"info that is a text", R"({"info": "a" })", R"(user= exp=- nbf=- until=- info=json:"a" meta=)"},
        {"info that is a number", R"({"info":18446744073709551615})",
         "user= exp=- nbf=- until=- info=json:18446744073709551615 meta="},
        {"b64info wins", R"({"b64info":"AQ==","info":1})", "user= exp=- nbf=- until=- info=bytes:\x01 meta="},
        {"b64info wins, in the other order", R"({"info":1,"b64info":"AQ=="})",
         "user= exp=- nbf=- until=- info=bytes:\x01 meta="},
        {"b64info of nothing", R"({"b64info":"","info":1})", "user= exp=- nbf=- until=- info=json:1 meta="},
        {"meta", R"({"meta": {"a" : 1}})", R"(user= exp=- nbf=- until=- info=- meta={"a":1})"},
        {"channels", R"({"channels":["b","a","b"]})",
         "user= exp=- nbf=- until=- info=- meta= [a info=- data=-] [b info=- data=-]"},
        {"subs",
         R"({"subs":{"a":{"info":{"x": 1},"data":[ ],"more":1},"b":{"b64info":"Ag==","b64data":"Aw=="},"c":{},"d":null}})",
         "user= exp=- nbf=- until=- info=- meta= [a info=json:{\"x\":1} data=json:[]] [b info=bytes:\x02 "
         "data=bytes:\x03]"
         " [c info=- data=-] [d info=- data=-]"},
        {"subs win over channels", R"({"subs":{"a":{}},"channels":["b"]})",
         "user= exp=- nbf=- until=- info=- meta= [a info=- data=-]"},
        {"override", R"({"subs":{"a":{"override":{"presence":{"value":true},"join_leave":{"value":false},
"force_push_join_leave":{"value":true},"force_positioning":{"value":false},"force_recovery":{"value":true}}}}})",
         "user= exp=- nbf=- until=- info=- meta= [a info=- data=- presence=on join_leave=off force_push_join_leave=on "
         "force_positioning=off force_recovery=on]"},
        {"override of nothing", R"({"subs":{"a":{"override":{"presence":null,"join_leave":{},"x":1}}}})",
         "user= exp=- nbf=- until=- info=- meta= [a info=- data=-]"},
        {"claims that nobody knows", R"({"x":{"sub":1},"client":7,"jti":"j","iss":"i","aud":"a"})",
         "user= exp=- nbf=- until=- info=- meta="},
    };
    claims_reader reader{claims_bytes_max, {}};
    for (const good_claims& each : table) {
        SCOPED_TRACE(each.name);
        const auto claims = reader.read_connection(each.text);
        ASSERT_TRUE(claims.has_value()) << claims.error().message();
        EXPECT_EQ(describe(*claims), each.expected);
    }
}

TEST(claims, of_subscriptions_are_read) {
    const std::vector<good_claims> table{
        {"a channel", R"({"channel":"$a:b"})", "user= exp=- nbf=- until=- info=- channel=$a:b client= data=-"},
        {"everything",
         R"({"sub":"42","channel":"a","client":"c","exp":5,"expire_at":7,"info":[ 1],"data": {"x":[]},
"override":{"presence":{"value":true}}})",
         R"(user=42 exp=5 nbf=- until=7 info=json:[1] channel=a client=c data=json:{"x":[]} presence=on)"},
        {"bytes", R"({"channel":"a","b64info":"AQ==","b64data":"Ag=="})",
         "user= exp=- nbf=- until=- info=bytes:\x01 channel=a client= data=bytes:\x02"},
        {"null counts as absent", R"({"channel":"a","client":null,"data":null,"override":null})",
         "user= exp=- nbf=- until=- info=- channel=a client= data=-"},
        {"what a connection would get is not looked at", R"({"channel":"a","channels":1,"subs":2,"meta":3})",
         "user= exp=- nbf=- until=- info=- channel=a client= data=-"},
    };
    claims_reader reader{claims_bytes_max, {}};
    for (const good_claims& each : table) {
        SCOPED_TRACE(each.name);
        const auto claims = reader.read_subscription(each.text);
        ASSERT_TRUE(claims.has_value()) << claims.error().message();
        EXPECT_EQ(describe(*claims), each.expected);
    }
}

struct bad_claims {
    const char* name;
    std::string text;
    error expected;
};

TEST(claims, that_are_wrong_are_refused) {
    const std::vector<bad_claims> table{
        {"nothing", "", error::claims_json},
        {"a list", R"([{"sub":"42"}])", error::claims_json},
        {"a text", R"("sub")", error::claims_json},
        {"cut short", R"({"sub":"42")", error::claims_json},
        {"something behind it", R"({"sub":"42"},)", error::claims_json},
        {"another object behind it", R"({"sub":"42"}{"sub":"43"})", error::claims_json},
        {"a zero byte behind it", std::string{"{}\0", 3}, error::claims_json},
        {"not UTF-8", "{\"sub\":\"\xc3\"}", error::claims_json},
        {"half a surrogate pair", R"({"sub":"\udc00"})", error::claims_json},
        {"a raw line break in a text", "{\"sub\":\"a\nb\"}", error::claims_json},
        {"JSON with comments", R"({/**/"sub":"42"})", error::claims_json},
        {"wrong deep inside of what is not looked at", R"({"x":[{"y":tru}]})", error::claims_json},
        {"a number of more than 64 bits", R"({"info":18446744073709551616})", error::claims_json},
        {"nested too deep", R"({"info":)" + std::string(64, '[') + std::string(64, ']') + "}", error::claims_json},
        {"a claim twice", R"({"sub":"1","sub":"1"})", error::claim_duplicate},
        {"a claim twice, once escaped", R"({"sub":"1","s\u0075b":"2"})", error::claim_duplicate},
        {"an unknown claim twice", R"({"x":1,"y":2,"x":1})", error::claim_duplicate},
        {"a channel twice", R"({"subs":{"a":{},"a":{}}})", error::claim_duplicate},
        {"a member of a subscription twice", R"({"subs":{"a":{"info":1,"info":2}}})", error::claim_duplicate},
        {"a switch twice", R"({"subs":{"a":{"override":{"presence":{"value":true,"value":true}}}}})",
         error::claim_duplicate},
        {"sub that is a number", R"({"sub":42})", error::claim_type},
        {"sub that is null", R"({"sub":null})", error::claim_type},
        {"sub that is a list", R"({"sub":["42"]})", error::claim_type},
        {"exp in quotes", R"({"exp":"1700000000"})", error::claim_type},
        {"exp that is null", R"({"exp":null})", error::claim_type},
        {"exp that is true", R"({"exp":true})", error::claim_type},
        {"exp that is a list", R"({"exp":[1]})", error::claim_type},
        {"exp in the year of no clock", R"({"exp":9007199254740992})", error::claim_value},
        {"exp before all clocks", R"({"exp":-1e300})", error::claim_value},
        {"nbf in quotes", R"({"nbf":"1"})", error::claim_type},
        {"iat in quotes", R"({"iat":"1"})", error::claim_type},
        {"jti that is a number", R"({"jti":1})", error::claim_type},
        {"iss that is a list", R"({"iss":["i"]})", error::claim_type},
        {"aud that is a number", R"({"aud":1})", error::claim_type},
        {"aud that is null", R"({"aud":null})", error::claim_type},
        {"aud with a number", R"({"aud":["a",1]})", error::claim_type},
        {"expire_at in quotes", R"({"expire_at":"1"})", error::claim_type},
        {"expire_at before 1970", R"({"expire_at":-1})", error::claim_value},
        {"b64info that is an object", R"({"b64info":{}})", error::claim_type},
        {"b64info without padding", R"({"b64info":"AQ"})", error::claim_value},
        {"b64info of base64url", R"({"b64info":"-_-_"})", error::claim_value},
        {"channels that are a text", R"({"channels":"a"})", error::claim_type},
        {"channels that are an object", R"({"channels":{}})", error::claim_type},
        {"a channel that is a number", R"({"channels":["a",1]})", error::claim_type},
        {"a channel without a name", R"({"channels":[""]})", error::claim_value},
        {"subs that are a list", R"({"subs":["a"]})", error::claim_type},
        {"subs without a name", R"({"subs":{"":{}}})", error::claim_value},
        {"a subscription that is a text", R"({"subs":{"a":"b"}})", error::claim_type},
        {"override that is a list", R"({"subs":{"a":{"override":[]}}})", error::claim_type},
        {"a switch without braces", R"({"subs":{"a":{"override":{"presence":true}}}})", error::claim_type},
        {"a switch that is a number", R"({"subs":{"a":{"override":{"presence":{"value":1}}}}})", error::claim_type},
        {"meta that is a list", R"({"meta":[]})", error::claim_type},
        {"meta that is a text", R"({"meta":"{}"})", error::claim_type},
        {"a channel: it is for a subscription", R"({"sub":"42","channel":"a"})", error::channel_unexpected},
        {"a channel of nothing", R"({"channel":""})", error::channel_unexpected},
        {"a channel that is null", R"({"channel":null})", error::channel_unexpected},
    };
    claims_reader reader{claims_bytes_max, {}};
    for (const bad_claims& each : table) {
        SCOPED_TRACE(each.name);
        const auto claims = reader.read_connection(each.text);
        ASSERT_FALSE(claims.has_value());
        EXPECT_EQ(claims.error(), each.expected) << claims.error().message();
    }
}

TEST(claims, of_subscriptions_that_are_wrong_are_refused) {
    const std::vector<bad_claims> table{
        {"no channel: it is for a connection", R"({"sub":"42"})", error::channel_missing},
        {"a channel of nothing", R"({"channel":""})", error::channel_missing},
        {"a channel that is null", R"({"channel":null})", error::claim_type},
        {"a channel that is a number", R"({"channel":1})", error::claim_type},
        {"a channel twice", R"({"channel":"a","channel":"b"})", error::claim_duplicate},
        {"a client that is a number", R"({"channel":"a","client":1})", error::claim_type},
        {"b64data without padding", R"({"channel":"a","b64data":"AQ"})", error::claim_value},
        {"override that is a text", R"({"channel":"a","override":"presence"})", error::claim_type},
    };
    claims_reader reader{claims_bytes_max, {}};
    for (const bad_claims& each : table) {
        SCOPED_TRACE(each.name);
        const auto claims = reader.read_subscription(each.text);
        ASSERT_FALSE(claims.has_value());
        EXPECT_EQ(claims.error(), each.expected) << claims.error().message();
    }
}

struct expectation {
    const char* name;
    expected_claims expected;
    std::string text;
    std::string outcome; // the user, or the name of the error
};

TEST(claims, must_be_for_us_from_whom_we_trust_about_a_user) {
    const std::vector<expectation> table{
        {"audience as a text", {"a", "", "sub"}, R"({"sub":"42","aud":"a"})", "42"},
        {"audience in a list", {"a", "", "sub"}, R"({"sub":"42","aud":["b","a"]})", "42"},
        {"another audience", {"a", "", "sub"}, R"({"aud":"b"})", "audience"},
        {"another audience in a list", {"a", "", "sub"}, R"({"aud":["b","aa"]})", "audience"},
        {"an empty list", {"a", "", "sub"}, R"({"aud":[]})", "audience"},
        {"no audience", {"a", "", "sub"}, "{}", "audience"},
        {"audiences differ in case", {"a", "", "sub"}, R"({"aud":"A"})", "audience"},
        {"no audience is asked for", {"", "", "sub"}, R"({"sub":"42","aud":"a"})", "42"},
        {"issuer", {"", "https://i", "sub"}, R"({"sub":"42","iss":"https://i"})", "42"},
        {"another issuer", {"", "https://i", "sub"}, R"({"iss":"https://i/"})", "issuer"},
        {"no issuer", {"", "https://i", "sub"}, "{}", "issuer"},
        {"no issuer is asked for", {"", "", "sub"}, R"({"sub":"42","iss":"x"})", "42"},
        {"another claim names the user", {"", "", "uid"}, R"({"sub":"s","uid":"42"})", "42"},
        {"... and is missing", {"", "", "uid"}, R"({"sub":"s"})", "user_missing"},
        {"... and is empty", {"", "", "uid"}, R"({"sub":"s","uid":""})", ""},
        {"... and is a number", {"", "", "uid"}, R"({"sub":"s","uid":42})", "claim_type"},
        {"... and is null", {"", "", "uid"}, R"({"sub":"s","uid":null})", "claim_type"},
        {"... and sub has the wrong type", {"", "", "uid"}, R"({"sub":1,"uid":"42"})", "claim_type"},
        {"... and is the issuer", {"", "i", "iss"}, R"({"iss":"i"})", "i"},
        {"... and is another issuer", {"", "i", "iss"}, R"({"iss":"j"})", "issuer"},
        {"... and is the audience", {"a", "", "aud"}, R"({"aud":"a"})", "a"},
    };
    for (const expectation& each : table) {
        SCOPED_TRACE(each.name);
        claims_reader reader{claims_bytes_max, each.expected};
        const auto claims = reader.read_connection(each.text);
        EXPECT_EQ(claims ? claims->user : std::string{name_of(static_cast<error>(claims.error().value()))},
                  each.outcome);
    }
}

TEST(claims, cut_at_any_byte_are_refused) {
    const std::string text =
        R"({"sub":"42","exp":1700000000,"info":{"a":[1,"x"]},"subs":{"a":{"override":{"presence":{"value":true}}}}})";
    claims_reader reader{claims_bytes_max, {}};
    EXPECT_TRUE(reader.read_connection(text).has_value());
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        EXPECT_EQ(reader.read_connection(text.substr(0, cut)).error(), error::claims_json) << cut;
    }
}

TEST(claims, with_five_thousand_subscriptions_are_read) {
    std::string text = R"({"subs":{)";
    for (int i = 0; i < 5'000; ++i) text.append(i == 0 ? "\"" : ",\"").append(std::to_string(i)).append("\":{}");
    text += "}}";
    claims_reader reader{claims_bytes_max, {}};
    const auto claims = reader.read_connection(text);
    ASSERT_TRUE(claims.has_value());
    EXPECT_EQ(claims->subscriptions.size(), 5'000u);
    EXPECT_GT(memory_bytes(*claims), 5'000 * sizeof(granted_subscription));
}

TEST(claims, a_subscription_token_is_for_one_user_channel_and_perhaps_client) {
    subscription_claims claims;
    claims.user = "42";
    claims.channel = "a";
    EXPECT_TRUE(claims.is_for("42", "a", "c"));
    EXPECT_FALSE(claims.is_for("43", "a", "c"));
    EXPECT_FALSE(claims.is_for("42", "b", "c"));
    claims.client = "c";
    EXPECT_TRUE(claims.is_for("42", "a", "c"));
    EXPECT_FALSE(claims.is_for("42", "a", "d"));
}

} // namespace
} // namespace carillon::auth
