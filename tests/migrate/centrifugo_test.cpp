#include "loading/load.hpp"
#include "migrate/centrifugo.hpp"
#include "migrate/reading.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace carillon::migrate {
namespace {

migration migrated(std::string_view text, language written_in = language::json, std::string_view folder = {}) {
    const auto read = read_configuration(text, written_in);
    if (const auto* why = std::get_if<std::string>(&read)) {
        ADD_FAILURE() << *why;
        return {};
    }
    return from_centrifugo(std::get<boost::json::object>(read), folder);
}

// What carillon says to the configuration; nothing: it is valid.
std::string complaint_of(const std::string& toml) {
    std::string folder = ::testing::TempDir() + "carillon-migrate-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) return "no folder";
    const std::string path = folder + "/carillon.toml";
    std::ofstream{path} << toml;
    const std::string flag = "--config=" + path;
    const char* const arguments[] = {"carillon", flag.c_str()};
    const auto loaded = loading::load(2, arguments, {});
    std::filesystem::remove_all(folder);
    return loaded.value ? "" : loaded.text;
}

std::string fate_of(const migration& made, std::string_view option) {
    const auto found = std::ranges::find(made.remarks, option, &remark::option);
    return found == made.remarks.end() ? "nothing is said of it" : std::string{words_of(found->what)};
}

bool has_line(const migration& made, std::string_view line) {
    return ("\n" + made.toml).find("\n" + std::string{line} + "\n") != std::string::npos;
}

// One application, as each version and language has it.

constexpr std::string_view v5_json = R"({
  "token_hmac_secret_key": "bbe7d157-a253-4094-9759-06a8236543f9",
  "api_key": "d7627bb6-2292-4911-82e1-615c0ed3eebb",
  "allowed_origins": ["http://localhost:3000"],
  "admin": true,
  "admin_password": "d0683813-0916-4c49-979f-0e08a686b727",
  "client_channel_limit": 64,
  "namespaces": [
    {
      "name": "chat",
      "presence": true, "join_leave": true, "force_push_join_leave": true,
      "history_size": 50, "history_ttl": "5m", "force_recovery": true,
      "allow_subscribe_for_client": true, "allow_publish_for_subscriber": true,
      "allow_history_for_subscriber": true, "allow_presence_for_subscriber": true
    },
    { "name": "prices", "allow_subscribe_for_client": true, "allow_subscribe_for_anonymous": true }
  ]
})";

constexpr std::string_view v6_json = R"({
  "client": {
    "token": { "hmac_secret_key": "bbe7d157-a253-4094-9759-06a8236543f9" },
    "allowed_origins": ["http://localhost:3000"],
    "channel_limit": 64
  },
  "http_api": { "key": "d7627bb6-2292-4911-82e1-615c0ed3eebb" },
  "admin": { "enabled": true, "password": "d0683813-0916-4c49-979f-0e08a686b727" },
  "channel": {
    "namespaces": [
      {
        "name": "chat",
        "presence": true, "join_leave": true, "force_push_join_leave": true,
        "history_size": 50, "history_ttl": "300s", "force_recovery": true,
        "allow_subscribe_for_client": true, "allow_publish_for_subscriber": true,
        "allow_history_for_subscriber": true, "allow_presence_for_subscriber": true
      },
      { "name": "prices", "allow_subscribe_for_client": true, "allow_subscribe_for_anonymous": true }
    ]
  }
})";

constexpr std::string_view v6_yaml = R"(
client:
  token:
    hmac_secret_key: bbe7d157-a253-4094-9759-06a8236543f9
  allowed_origins:
    - http://localhost:3000
  channel_limit: 64
http_api:
  key: "d7627bb6-2292-4911-82e1-615c0ed3eebb"
channel:
  namespaces:
    - name: chat
      presence: true
      join_leave: true
      force_push_join_leave: true
      history_size: 50
      history_ttl: 300s
      force_recovery: true
      allow_subscribe_for_client: true
      allow_publish_for_subscriber: true
      allow_history_for_subscriber: true
      allow_presence_for_subscriber: true
    - { name: prices, allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true }
)";

constexpr std::string_view v6_toml = R"(
[client]
allowed_origins = ["http://localhost:3000"]
channel_limit = 64
[client.token]
hmac_secret_key = "bbe7d157-a253-4094-9759-06a8236543f9"
[http_api]
key = "d7627bb6-2292-4911-82e1-615c0ed3eebb"
[[channel.namespaces]]
name = "chat"
presence = true
join_leave = true
force_push_join_leave = true
history_size = 50
history_ttl = "300s"
force_recovery = true
allow_subscribe_for_client = true
allow_publish_for_subscriber = true
allow_history_for_subscriber = true
allow_presence_for_subscriber = true
[[channel.namespaces]]
name = "prices"
allow_subscribe_for_client = true
allow_subscribe_for_anonymous = true
)";

constexpr std::string_view here = R"(allowed_origins = ["http://localhost:3000"]
client_subscriptions_max = 64
token_hmac_secret = "bbe7d157-a253-4094-9759-06a8236543f9"
api_key = "d7627bb6-2292-4911-82e1-615c0ed3eebb"

[[namespace]]
name = "chat"
subscribe = ["client"]
publish = ["subscribed_client"]
history_size = 50
history_ttl_s = 300
recovery = "stream"
history = ["subscribed_client"]
presence = true
presence_for = ["subscribed_client"]
join_leave = true
force_push_join_leave = true

[[namespace]]
name = "prices"
subscribe = ["anonymous"]
)";

TEST(migrate_centrifugo, every_version_and_language_of_one_application_becomes_the_same_valid_file) {
    const auto same = [](const migration& made) {
        const std::string kept = made.toml.substr(0, here.size());
        EXPECT_EQ(kept, here);
        EXPECT_EQ(complaint_of(made.toml), "");
    };
    same(migrated(v5_json));
    same(migrated(v6_json));
    same(migrated(v6_yaml, language::yaml));
    same(migrated(v6_toml, language::toml));
}

struct option_case {
    const char* name;
    std::string_view text;
    std::string_view option;
    std::string_view fate;
    std::string_view line; ///< that the file has then; empty: none is looked for
};

class migrate_option : public ::testing::TestWithParam<option_case> {};

TEST_P(migrate_option, becomes_what_it_means_here) {
    const auto& how = GetParam();
    const migration made = migrated(how.text);
    EXPECT_EQ(fate_of(made, how.option), how.fate);
    if (!how.line.empty()) { EXPECT_TRUE(has_line(made, how.line)) << made.toml; }
    EXPECT_EQ(complaint_of(made.toml), "") << made.toml;
}

constexpr std::string_view taken = "taken over", differs = "differs   ", not_there = "not there ";

const option_case options[] = {
    {"a_port_in_quotes", R"({"port":"8001"})", "port", taken, R"(client_listen = ":8001")"},
    {"an_address", R"({"http_server":{"address":"127.0.0.1","port":8001}})", "http_server.address", taken,
     R"(client_listen = "127.0.0.1:8001")"},
    {"an_address_of_six_parts", R"({"address":"::1"})", "address", taken, R"(client_listen = "[::1]:8000")"},
    {"an_address_that_is_a_name", R"({"address":"example.com"})", "address", differs, ""},
    {"an_internal_port_beside_an_address", R"({"address":"127.0.0.1","internal_port":9001})", "internal_port", taken,
     R"(control_listen = "127.0.0.1:9001")"},
    {"an_address_is_that_of_the_api_too", R"({"address":"127.0.0.1","port":8001})", "port", taken,
     R"(control_listen = "127.0.0.1:9000")"},
    {"a_personal_channel",
     R"({"client":{"subscribe_to_user_personal_channel":{"enabled":true,"personal_channel_namespace":"me"}},"channel":{"namespaces":[{"name":"me"}]}})",
     "client.subscribe_to_user_personal_channel.enabled", taken, R"(personal_channel_namespace = "me")"},
    {"a_personal_channel_that_is_off", R"({"client":{"subscribe_to_user_personal_channel":{"enabled":false}}})",
     "client.subscribe_to_user_personal_channel.enabled", "nothing is said of it", ""},
    {"an_audience_of_connections_alone",
     R"({"client":{"token":{"audience":"a"},"subscription_token":{"enabled":true,"hmac_secret_key":"bbe7d157-a253-4094-9759-06a8236543f9"}}})",
     "client.subscription_token.enabled", taken, R"(token_audience = "a")"},
    {"a_namespace_with_a_dot", R"({"namespaces":[{"name":"doc.v1","presence":true}]})", "doc.v1: presence", taken,
     R"(name = "doc.v1")"},
    {"who_may_ask_for_the_history_may_recover",
     R"({"namespaces":[{"name":"ns","history_size":1,"history_ttl":"1h","allow_history_for_client":true}]})",
     "ns: recovery", differs, R"(recovery = "stream")"},
    {"anonymous_subscribers",
     R"({"namespaces":[{"name":"ns","allow_publish_for_subscriber":true,"allow_publish_for_anonymous":true}]})",
     "ns: allow_publish_for_anonymous", taken, R"(publish = ["subscriber"])"},
    {"subscribers_with_a_user", R"({"namespaces":[{"name":"ns","allow_publish_for_subscriber":true}]})",
     "ns: allow_publish_for_subscriber", taken, R"(publish = ["subscribed_client"])"},
    {"a_redis_that_wants_tls",
     R"({"engine":{"type":"redis","redis":{"address":"r:1","password":"p","tls":{"enabled":true}}}})",
     "engine.redis.tls.enabled", differs, R"(bus = "rediss://r:1")"},
    {"a_redis_that_wanted_tls", R"({"engine":"redis","redis_address":"r:1","redis_tls":true})", "redis_tls", differs,
     R"(bus = "rediss://r:1")"},
    {"a_cluster_that_wants_tls",
     R"({"engine":{"type":"redis","redis":{"cluster_address":["a:1"],"tls":{"enabled":true}}}})",
     "engine.redis.tls.enabled", differs, R"(bus = "rediss-cluster://a:1")"},
    {"a_prefix", R"({"engine":{"type":"redis","redis":{"address":"r:1","prefix":"cf"}}})", "engine.redis.prefix", taken,
     R"(bus_prefix = "cf")"},
    {"a_broker_that_is_off", R"({"broker":{"enabled":false,"type":"redis","redis":{"address":"r:1"}}})",
     "broker.enabled", taken, ""},
    {"the_secret_before", R"({"client":{"token":{"hmac_previous_secret_key":"x"}}})",
     "client.token.hmac_previous_secret_key", not_there, ""},
    {"an_internal_port", R"({"http_server":{"internal_port":9001}})", "http_server.internal_port", taken,
     R"(control_listen = ":9001")"},
    {"tls", R"({"tls":true,"tls_cert":"a","tls_key":"b"})", "tls", not_there, ""},
    {"every_origin", R"({"allowed_origins":["*"]})", "allowed_origins", taken, R"(allowed_origins = ["*"])"},
    {"origins_that_no_browser_has", R"({"allowed_origins":["https://a/path"]})", "allowed_origins", not_there, ""},
    {"origins_in_one_text", R"({"allowed_origins":"https://a.b https://c.d"})", "allowed_origins", taken,
     R"(allowed_origins = ["https://a.b", "https://c.d"])"},
    {"anonymous", R"({"client":{"allow_anonymous_connect_without_token":true}})",
     "client.allow_anonymous_connect_without_token", taken, "anonymous = true"},
    {"insecure_clients", R"({"client_insecure":true})", "client_insecure", not_there, ""},
    {"what_is_off", R"({"client_insecure":false,"sse":{"enabled":false}})", "sse.enabled", "nothing is said of it", ""},
    {"a_short_secret", R"({"token_hmac_secret_key":"keep_secret"})", "token_hmac_secret_key", not_there, ""},
    {"keys_from_a_url", R"({"token_jwks_public_endpoint":"https://id.example.com/certs"})",
     "token_jwks_public_endpoint", taken, R"(token_jwks_url = "https://id.example.com/certs")"},
    {"keys_from_urls_with_variables", R"({"token_jwks_public_endpoint":"https://id/{{realm}}/certs"})",
     "token_jwks_public_endpoint", not_there, ""},
    {"an_audience", R"({"client":{"token":{"audience":"a"}}})", "client.token.audience", taken,
     R"(token_audience = "a")"},
    {"an_audience_by_a_pattern", R"({"token_audience_regex":"a.*"})", "token_audience_regex", not_there, ""},
    {"a_user_in_another_claim", R"({"client":{"token":{"user_id_claim":"uid"}}})", "client.token.user_id_claim", taken,
     R"(token_user_claim = "uid")"},
    {"keys_of_subscriptions",
     R"({"separate_subscription_token_config":true,"subscription_token_hmac_secret_key":"bbe7d157-a253-4094-9759-06a8236543f9"})",
     "subscription_token_hmac_secret_key", taken,
     R"(subscription_token_hmac_secret = "bbe7d157-a253-4094-9759-06a8236543f9")"},
    {"pings", R"({"ping_interval":"1m30s"})", "ping_interval", taken, "client_ping_interval_ms = 90000"},
    {"pings_that_are_faster_than_pongs", R"({"ping_interval":"5s","pong_timeout":"5s"})", "pong_timeout", differs,
     "client_pong_timeout_ms = 2500"},
    {"no_pings", R"({"client":{"ping_interval":"-1s"}})", "client.ping_interval", differs, ""},
    {"a_limit_that_is_too_large", R"({"client_channel_limit":1000000})", "client_channel_limit", differs, ""},
    {"a_small_queue", R"({"client_queue_max_size":4096})", "client_queue_max_size", differs, ""},
    {"a_large_queue", R"({"client_queue_max_size":10485760})", "client_queue_max_size", taken,
     "client_outbox_bytes_max = 10485760"},
    {"publications_of_an_answer",
     R"({"client":{"history_max_publication_limit":200,"recovery_max_publication_limit":100}})",
     "client.recovery_max_publication_limit", differs, "history_publications_max = 100"},
    {"an_api_for_everybody", R"({"api_insecure":true})", "api_insecure", not_there, ""},
    {"a_log_level", R"({"log_level":"none"})", "log_level", taken, R"(log_level = "off")"},
    {"a_shutdown", R"({"shutdown":{"timeout":"30s"}})", "shutdown.timeout", taken, "shutdown_timeout_ms = 30000"},
    {"a_redis", R"({"engine":"redis","redis_address":"redis:6380","redis_password":"p"})", "redis_address", differs,
     R"(bus = "redis://redis:6380")"},
    {"a_redis_of_a_user", R"({"engine":{"type":"redis","redis":{"address":"redis://r","user":"u@v","password":"p"}}})",
     "engine.redis.address", differs, R"(bus = "redis://u%40v@r")"},
    {"several_redises", R"({"engine":{"type":"redis","redis":{"address":["a:1","b:2"]}}})", "engine.redis.address",
     differs, R"(bus = "redis://a:1,b:2")"},
    {"a_redis_with_tls", R"({"engine":"redis","redis_address":"rediss://a"})", "redis_address", differs,
     R"(bus = "rediss://a")"},
    {"sentinels",
     R"({"engine":{"type":"redis","redis":{"sentinel_address":["a:1","b:2"],"sentinel_master_name":"m","user":"u","password":"p"}}})",
     "engine.redis.sentinel_address", differs, R"(bus = "redis-sentinel://u@a:1,b:2/m")"},
    {"sentinels_with_a_password",
     R"({"engine":{"type":"redis","redis":{"sentinel_address":"a","sentinel_password":"p"}}})",
     "engine.redis.sentinel_password", taken, R"(bus_sentinel_password = "p")"},
    {"sentinels_that_cannot_be", R"({"engine":{"type":"redis","redis":{"sentinel_address":"a/b"}}})",
     "engine.redis.sentinel_address", not_there, ""},
    {"a_cluster", R"({"engine":{"type":"redis","redis":{"cluster_address":["a:1","b"],"user":"u","password":"p"}}})",
     "engine.redis.cluster_address", differs, R"(bus = "redis-cluster://u@a:1,b")"},
    {"a_cluster_that_cannot_be", R"({"engine":{"type":"redis","redis":{"cluster_address":["rediss://a:1"]}}})",
     "engine.redis.cluster_address", not_there, ""},
    {"nats", R"({"broker":"nats"})", "broker", not_there, ""},
    {"channels_without_a_namespace", R"({"allow_subscribe_for_client":true,"history_size":1,"history_ttl":"1h"})",
     "channels without a namespace: history_ttl", taken, "history_ttl_s = 3600"},
    {"the_same_in_v6", R"({"channel":{"without_namespace":{"allow_subscribe_for_client":true}}})",
     "channels without a namespace: allow_subscribe_for_client", taken, R"(subscribe = ["client"])"},
    {"anonymous_alone", R"({"namespaces":[{"name":"ns","allow_subscribe_for_anonymous":true}]})",
     "ns: allow_subscribe_for_anonymous", differs, ""},
    {"history_without_a_time", R"({"namespaces":[{"name":"ns","history_size":5}]})", "ns: history_size", differs, ""},
    {"a_cache", R"({"namespaces":[{"name":"ns","history_size":1,"history_ttl":"1h","force_recovery":true,
      "force_recovery_mode":"cache"}]})",
     "ns: force_recovery", taken, R"(recovery = "cache")"},
    {"recovery_without_history", R"({"namespaces":[{"name":"ns","force_recovery":true}]})", "ns: force_recovery",
     not_there, ""},
    {"a_pattern_for_a_part", R"({"namespaces":[{"name":"ns","channel_regex":"^a|b$"}]})", "ns: channel_regex", differs,
     R"x(channel_pattern = "(?s:.*)(?:^a|b$)(?s:.*)")x"},
    {"publishing_to_channels_of_some",
     R"({"namespaces":[{"name":"ns","allow_publish_for_client":true,"allow_user_limited_channels":true}]})",
     "ns: allow_publish_for_client", differs, R"(publish = ["client"])"},
    {"an_unknown_option", R"({"fly":1})", "fly", not_there, ""},
    {"an_unknown_option_of_a_namespace", R"({"namespaces":[{"name":"ns","fly":1}]})", "ns: fly", not_there, ""},
    {"a_proxy_for_connect", R"({"client":{"proxy":{"connect":{"enabled":true,"endpoint":"http://a/c"}}}})",
     "client.proxy.connect.endpoint", taken, R"(event = ["connect"])"},
    {"a_proxy_that_is_off", R"({"client":{"proxy":{"connect":{"enabled":false,"endpoint":"http://a/c"}}}})",
     "client.proxy.connect.enabled", "nothing is said of it", ""},
    {"a_proxy_of_grpc", R"({"proxy_connect_endpoint":"grpc://a:1"})", "proxy_connect_endpoint", not_there, ""},
    {"a_proxy_by_its_name",
     R"({"granular_proxy_mode":true,"proxies":[{"name":"p","endpoint":"http://a/s","timeout":"3s"}],
      "namespaces":[{"name":"ns","subscribe_proxy_name":"p"},{"name":"nt","subscribe_proxy_name":"p"}]})",
     "ns: subscribe_proxy_name", taken, R"(namespaces = ["ns", "nt"])"},
    {"a_proxy_that_is_not_there", R"({"namespaces":[{"name":"ns","subscribe_proxy_name":"p"}]})",
     "ns: subscribe_proxy_name", not_there, ""},
    {"headers_of_all_proxies", R"({"proxy_http_headers":["Cookie"],"proxy_static_http_headers":{"X-A":"b"},
      "proxy_rpc_endpoint":"http://a/r"})",
     "proxy_static_http_headers", taken, R"(static_headers = { "X-A" = "b" })"},
    {"emulated_headers_of_all_proxies",
     R"({"proxy":{"emulated_headers":["Authorization"]},"rpc":{"proxy":{"endpoint":"http://a/r"}}})",
     "proxy.emulated_headers", taken, R"(emulated_headers = ["Authorization"])"},
    {"emulated_headers_of_one",
     R"({"client":{"proxy":{"connect":{"enabled":true,"endpoint":"http://a/c","emulated_headers":["X-B"]}}}})",
     "client.proxy.connect.emulated_headers", taken, R"(emulated_headers = ["X-B"])"},
    {"emulated_headers_of_a_proxy_with_a_name",
     R"({"proxies":[{"name":"p","endpoint":"http://a/s","emulated_headers":["X-C"]}],
      "namespaces":[{"name":"ns","subscribe_proxy_name":"p"}]})",
     "proxies: p.emulated_headers", taken, R"(emulated_headers = ["X-C"])"},
    {"wildcards_of_another_broker", R"({"broker":{"type":"nats","nats":{"allow_wildcards":true}}})",
     "broker.nats.allow_wildcards", not_there, ""},
};

INSTANTIATE_TEST_SUITE_P(migrate, migrate_option, ::testing::ValuesIn(options),
                         [](const auto& each) { return std::string{each.param.name}; });

TEST(migrate_centrifugo, keys_in_the_configuration_become_files) {
    const migration made =
        migrated(R"({"token_rsa_public_key":"-----BEGIN PUBLIC KEY-----\nx"})", language::json, "d/");
    ASSERT_EQ(made.files.size(), 1u);
    EXPECT_EQ(made.files[0].name, "token_rsa.pem");
    EXPECT_EQ(made.files[0].content, "-----BEGIN PUBLIC KEY-----\nx\n");
    EXPECT_TRUE(has_line(made, R"(token_public_key_files = ["d/token_rsa.pem"])")) << made.toml;
}

TEST(migrate_centrifugo, no_remark_shows_a_secret) {
    constexpr std::string_view secrets[] = {"bbe7d157", "d7627bb6", "d0683813", "redis-secret"};
    for (const std::string_view text :
         {v5_json, v6_json, std::string_view{R"({"engine":"redis","redis_address":"redis://:redis-secret@a"})"},
          std::string_view{R"({"token_hmac_secret_key":"redis-secret","api_key":"redis-secret x"})"}})
        for (const remark& each : migrated(text).remarks)
            for (const std::string_view secret : secrets)
                EXPECT_EQ((each.option + each.words).find(secret), std::string::npos) << each.words;
}

struct unreadable {
    const char* name;
    std::string_view text;
    language written_in;
    std::string_view why;
};

class migrate_reading : public ::testing::TestWithParam<unreadable> {};

TEST_P(migrate_reading, is_refused_in_words) {
    const auto& how = GetParam();
    const auto read = read_configuration(how.text, how.written_in);
    const auto* why = std::get_if<std::string>(&read);
    ASSERT_NE(why, nullptr);
    EXPECT_EQ(why->substr(0, how.why.size()), how.why);
}

const unreadable wrong[] = {
    {"json_without_an_end", "{", language::json, "it is not JSON: "},
    {"json_that_is_no_object", "[]", language::json, "it is no table of options"},
    {"yaml_without_an_end", "a: [", language::yaml, "it is not YAML: "},
    {"yaml_that_is_a_word", "a", language::yaml, "it is no table of options"},
    {"toml_without_a_value", "a =", language::toml, "line 1 is not TOML: "},
    {"yaml_that_is_nested_too_deep",
     "a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", language::yaml,
     "it is not YAML: it is nested too deep"},
    {"yaml_that_is_small_and_stands_for_much",
     "a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
     "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
     language::yaml, "it is not YAML: it is nested too deep, or too large"},
};

INSTANTIATE_TEST_SUITE_P(migrate, migrate_reading, ::testing::ValuesIn(wrong),
                         [](const auto& each) { return std::string{each.param.name}; });

TEST(migrate_reading, the_language_is_the_one_of_the_name) {
    EXPECT_EQ(language_of("a/config.yaml"), language::yaml);
    EXPECT_EQ(language_of("config.yml"), language::yaml);
    EXPECT_EQ(language_of("config.toml"), language::toml);
    EXPECT_EQ(language_of("config.json"), language::json);
    EXPECT_EQ(language_of("yaml"), language::json);
}

} // namespace
} // namespace carillon::migrate
