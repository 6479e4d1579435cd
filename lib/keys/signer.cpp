#include "keys/signer.hpp"

#include "base/check.hpp"
#include "keys/base64.hpp"

#include <openssl/rsa.h>

namespace carillon::keys {
namespace {

using owned_md_context = owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using owned_ecdsa = owned<ECDSA_SIG, ECDSA_SIG_free>;

unsigned char* raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

std::string sign_pair(EVP_PKEY* pair, algorithm which, std::string_view text) {
    const auto* from = reinterpret_cast<const unsigned char*>(text.data());
    const owned_md_context context{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* details = nullptr;
    std::size_t size = 0;
    if (context == nullptr ||
        EVP_DigestSignInit_ex(context.get(), &details, digest_of(which), nullptr, nullptr, pair, nullptr) != 1) {
        return {};
    }
    if (which == algorithm::ps256 && (EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) != 1 ||
                                      EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) != 1)) {
        return {};
    }
    if (EVP_DigestSign(context.get(), nullptr, &size, from, text.size()) != 1) return {};
    std::string out(size, '\0');
    if (EVP_DigestSign(context.get(), raw(out), &size, from, text.size()) != 1) return {};
    out.resize(size);
    return out;
}

// From DER to the two numbers side by side (RFC 7518 §3.4).
std::string numbers_of(const std::string& der, std::size_t coordinate) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const owned_ecdsa numbers{d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()))};
    if (numbers == nullptr) return {};
    std::string out(2 * coordinate, '\0');
    const int size = static_cast<int>(coordinate);
    if (BN_bn2binpad(ECDSA_SIG_get0_r(numbers.get()), raw(out), size) != size ||
        BN_bn2binpad(ECDSA_SIG_get0_s(numbers.get()), raw(out) + coordinate, size) != size) {
        return {};
    }
    return out;
}

void append_text(std::string& json, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    json += '"';
    for (const char letter : text) {
        const auto value = static_cast<unsigned char>(letter);
        if (letter == '"' || letter == '\\') {
            json += '\\';
            json += letter;
        } else if (value < ' ') {
            json += "\\u00";
            json += digits[value >> 4];
            json += digits[value & 15];
        } else {
            json += letter;
        }
    }
    json += '"';
}

void append_member(std::string& json, std::string_view name, std::string_view text) {
    if (text.empty()) return;
    json += json.size() == 1 ? "" : ",";
    append_text(json, name);
    json += ':';
    append_text(json, text);
}

} // namespace

signer::signer(key_material from)
    : kind_{from.kind}, kid_{std::move(from.kid)}, only_{from.only}, pair_{std::move(from.pair)},
      secret_{kind_ == key_kind::secret ? hmac_key{from.secret.bytes()} : hmac_key{}} {}

or_mistake<signer> signer::from_secret(std::string_view secret, std::string_view name) {
    if (secret.empty()) return mistake{std::string{name} + ": the secret is empty"};
    key_material from;
    from.secret = wiped{std::string{secret}};
    return signer{std::move(from)};
}

or_mistake<signer> signer::from_private_pem(std::string_view text, std::string_view name) {
    or_mistake<key_material> from = read_private_pem(text, name);
    if (!from) return from.error();
    return signer{std::move(*from)};
}

or_mistake<signer> signer::from_private_jwk(std::string_view text, std::string_view name) {
    or_mistake<jwk_set> set = read_jwks(text, name, half::secret);
    if (!set) return set.error();
    return signer{std::move(set->keys.front())};
}

std::string signer::signature(algorithm which, std::string_view text) const {
    CHECK(fits(which));
    const no_openssl_errors quiet;
    if (kind_ == key_kind::secret) return secret_.mac(which, text);
    const std::string bytes = sign_pair(pair_.get(), which, text);
    const std::size_t coordinate = coordinate_bytes(kind_);
    return coordinate == 0 ? bytes : numbers_of(bytes, coordinate);
}

or_mistake<std::string> signer::sign(algorithm which, std::string_view claims) const {
    std::string header = "{";
    append_member(header, "alg", name_of(which));
    append_member(header, "typ", "JWT");
    append_member(header, "kid", kid_);
    header += '}';
    const std::string text = to_base64url(header) + '.' + to_base64url(claims);
    const std::string bytes = signature(which, text);
    if (bytes.empty()) return mistake{"the key cannot sign"};
    return or_mistake<std::string>{boost::system::in_place_value, text + '.' + to_base64url(bytes)};
}

std::string claims_text(const wanted_claims& wanted) {
    const auto number = [](std::chrono::sys_seconds at) { return std::to_string(at.time_since_epoch().count()); };
    std::string json = "{";
    append_member(json, wanted.user_claim, wanted.user);
    append_member(json, "channel", wanted.channel);
    append_member(json, "aud", wanted.audience);
    append_member(json, "iss", wanted.issuer);
    json += json.size() == 1 ? "\"iat\":" : ",\"iat\":";
    json += number(wanted.now);
    if (wanted.lifetime) json += ",\"exp\":" + number(wanted.now + *wanted.lifetime);
    if (!wanted.info.empty()) json += ",\"info\":" + wanted.info;
    json += '}';
    return json;
}

} // namespace carillon::keys
