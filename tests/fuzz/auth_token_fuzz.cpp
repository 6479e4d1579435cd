// Any bytes are a token, claims, a JWK Set or a PEM text, or are refused. No token is good that we have not signed, and
// whatever claims carry on is valid JSON on one line.
#include "keys/key_set.hpp"
#include "keys/signer.hpp"
#include "auth/verifier.hpp"
#include "base/check.hpp"

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace carillon::auth;

constexpr std::chrono::sys_seconds now{std::chrono::seconds{1'700'000'000}};
constexpr std::string_view secret = "a secret of more than thirty-two bytes";

// A public key of each kind, so that signatures of any bytes are checked (RFC 7515 A.3, RFC 8037 A.1).
constexpr std::string_view public_keys =
    R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},)"
    R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";

std::shared_ptr<const key_set> keys() {
    auto made = std::make_shared<key_set>();
    CHECK(!made->add_secret(secret, "s"));
    CHECK(!made->add_jwks(public_keys, "k", key_set::secrets::refused));
    return made;
}

void check_payload(const std::optional<payload>& carried) {
    if (!carried || carried->any_bytes) return;
    CHECK(carried->bytes.find('\n') == std::string::npos);
    simdjson::dom::parser parser;
    simdjson::dom::element element;
    CHECK(parser.parse(carried->bytes).get(element) == simdjson::SUCCESS);
}

void check_claims(std::string_view claims) {
    static verifier by{{}, keys()};
    static const signer ours = std::move(*signer::from_secret(secret, "s"));
    const auto token = ours.sign(algorithm::hs256, claims);
    if (const auto read = by.verify_connection(*token, now)) {
        check_payload((*read)->info);
        for (const granted_subscription& each : (*read)->subscriptions) {
            CHECK(!each.channel.empty());
            check_payload(each.info);
            check_payload(each.data);
        }
        CHECK(by.verify_connection(*token, now).has_value()); // remembered
        CHECK(!by.verify_subscription(*token, now).has_value());
    }
    if (const auto read = by.verify_subscription(*token, now)) {
        CHECK(!(*read)->channel.empty());
        check_payload((*read)->info);
        check_payload((*read)->data);
    }
}

void check_token(std::string_view token) {
    static verifier by{{}, keys()};
    CHECK(!by.verify_connection(token, now).has_value());
    CHECK(!by.verify_subscription(token, now).has_value());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 65536) return 0;
    const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    key_set read;
    switch (data[0] % 4) {
    case 0: check_token(text); break;
    case 1: check_claims(text); break;
    case 2: (void)read.add_jwks(text, "k", key_set::secrets::allowed); break;
    default: (void)read.add_pem(text, "k"); break;
    }
    CHECK(read.size() <= keys_max);
    return 0;
}
