#include "keys/base64.hpp"
#include "keys/json.hpp"
#include "keys/pkey.hpp"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

namespace carillon::keys {
namespace {

namespace dom = simdjson::dom;
using owned_number = owned<BIGNUM, BN_clear_free>;
using owned_builder = owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using owned_params = owned<OSSL_PARAM, OSSL_PARAM_free>;
using owned_pkey_context = owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

// A member that is a text; empty if there is none. False: it is something else.
bool text_of(const dom::object& jwk, std::string_view member, std::string_view& into) {
    dom::element value;
    if (jwk.at_key(member).get(value) == simdjson::NO_SUCH_FIELD) return true;
    return value.get_string().get(into) == simdjson::SUCCESS;
}

std::optional<std::string> bytes_of(const dom::object& jwk, std::string_view member) {
    std::string_view text;
    if (!text_of(jwk, member, text) || text.empty()) return std::nullopt;
    return from_base64url(text);
}

const unsigned char* raw(const std::string& bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

owned_number number_of(const std::string& bytes) {
    return owned_number{BN_bin2bn(raw(bytes), static_cast<int>(bytes.size()), nullptr)};
}

owned_pkey key_from(const char* type, OSSL_PARAM_BLD* builder, half which) {
    const owned_params params{OSSL_PARAM_BLD_to_param(builder)};
    const owned_pkey_context context{EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr)};
    EVP_PKEY* key = nullptr;
    if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, which == half::secret ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                          params.get()) != 1) {
        return nullptr;
    }
    return owned_pkey{key};
}

owned_pkey read_rsa(const dom::object& jwk, half which) {
    const auto n = bytes_of(jwk, "n");
    const auto e = bytes_of(jwk, "e");
    const wiped d{which == half::secret ? bytes_of(jwk, "d").value_or("") : ""};
    constexpr std::size_t bytes_max = rsa_bits_max / 8 + 1; // larger ones are refused before OpenSSL sees them
    if (!n || !e || n->size() > bytes_max || e->size() > bytes_max || d.bytes().size() > bytes_max) return nullptr;
    if (which == half::secret && d.bytes().empty()) return nullptr;
    const owned_number modulus = number_of(*n);
    const owned_number exponent = number_of(*e);
    const owned_number secret = number_of(d.bytes());
    const owned_builder builder{OSSL_PARAM_BLD_new()};
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
    if (which == half::secret) OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_D, secret.get());
    return key_from("RSA", builder.get(), which);
}

owned_pkey read_ec(const dom::object& jwk, half which) {
    std::string_view curve;
    if (!text_of(jwk, "crv", curve)) return nullptr;
    const std::string group{curve}; // OpenSSL knows the names of RFC 7518, too
    const std::size_t size = curve == "P-256"   ? coordinate_bytes(key_kind::p256)
                             : curve == "P-384" ? coordinate_bytes(key_kind::p384)
                             : curve == "P-521" ? coordinate_bytes(key_kind::p521)
                                                : 0;
    const auto x = bytes_of(jwk, "x");
    const auto y = bytes_of(jwk, "y");
    const wiped d{which == half::secret ? bytes_of(jwk, "d").value_or("") : ""};
    if (size == 0 || !x || !y || x->size() != size || y->size() != size) return nullptr; // RFC 7518 §6.2.1.2
    if (which == half::secret && d.bytes().size() != size) return nullptr;
    const std::string point = '\x04' + *x + *y; // SEC 1 §2.3.3, not compressed
    const owned_number secret = number_of(d.bytes());
    const owned_builder builder{OSSL_PARAM_BLD_new()};
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size());
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
    if (which == half::secret) OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret.get());
    return key_from("EC", builder.get(), which);
}

owned_pkey read_okp(const dom::object& jwk, half which) {
    std::string_view curve;
    if (!text_of(jwk, "crv", curve) || curve != "Ed25519") return nullptr;
    const wiped bytes{bytes_of(jwk, which == half::secret ? "d" : "x").value_or("")};
    return owned_pkey{
        which == half::secret
            ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw(bytes.bytes()), bytes.bytes().size())
            : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(bytes.bytes()), bytes.bytes().size())};
}

// Whether `key_ops` (RFC 7517 §4.3), if it is there, has what the key is wanted for.
bool permits(const dom::object& jwk, half wanted) {
    dom::element value;
    if (jwk.at_key("key_ops").get(value) == simdjson::NO_SUCH_FIELD) return true;
    dom::array operations;
    if (value.get_array().get(operations)) return false;
    for (const dom::element operation : operations) {
        std::string_view text;
        if (operation.get_string().get(text)) return false;
        if (text == (wanted == half::secret ? "sign" : "verify")) return true;
    }
    return false;
}

// What is wrong comes without the name of the file and of the key.
or_mistake<key_material> read_jwk(const dom::object& jwk, std::string_view kid, half wanted) {
    std::string_view type, use, name;
    if (!text_of(jwk, "kty", type) || type.empty()) return mistake{"has no type (kty)"};
    if (!text_of(jwk, "use", use) || (!use.empty() && use != "sig")) return mistake{"is not for signatures (use)"};
    if (!permits(jwk, wanted)) return mistake{"is not for this operation (key_ops)"};
    key_material key;
    key.kid = kid;
    if (!text_of(jwk, "alg", name)) return mistake{"has an algorithm that is no text (alg)"};
    if (!name.empty() && !(key.only = algorithm_named(name))) {
        return mistake{"is for an algorithm that is not supported (alg)"};
    }
    if (type == "oct") {
        key.secret = wiped{bytes_of(jwk, "k").value_or("")};
        if (key.secret.bytes().empty()) return mistake{"has no secret (k) in base64url"};
        key.kind = key_kind::secret;
    } else {
        if (type != "RSA" && type != "EC" && type != "OKP") return mistake{"is of a type that is not supported (kty)"};
        key.pair = type == "RSA" ? read_rsa(jwk, wanted) : type == "EC" ? read_ec(jwk, wanted) : read_okp(jwk, wanted);
        if (key.pair == nullptr) return mistake{"has numbers that are no " + std::string{type} + " key"};
        const or_mistake<key_kind> kind = kind_of(key.pair.get(), "is not usable");
        if (!kind) return kind.error();
        key.kind = *kind;
    }
    if (key.only && kind_for(*key.only) != key.kind) return mistake{"is of another type than its algorithm (alg)"};
    return key;
}

constexpr std::size_t kid_bytes_max = 256;

or_mistake<key_material> read_named_jwk(const dom::object& jwk, half wanted) {
    std::string_view kid;
    if (!names_are_distinct(jwk)) return mistake{"has a member twice"};
    if (!text_of(jwk, "kid", kid) || kid.size() > kid_bytes_max) {
        return mistake{"has a name that is no text or too long (kid)"};
    }
    return read_jwk(jwk, kid, wanted);
}

void add(jwk_set& set, or_mistake<key_material> key, std::size_t number, std::string_view name) {
    if (key) {
        set.keys.push_back(std::move(*key));
    } else {
        set.remarks.push_back(std::string{name} + ": key " + std::to_string(number) + " " + key.error().sentence);
    }
}

} // namespace

or_mistake<jwk_set> read_jwks(std::string_view text, std::string_view name, half wanted) {
    const no_openssl_errors quiet;
    const auto wrong = [&](std::string_view what) { return mistake{std::string{name} + ": " + std::string{what}}; };
    json_object json{std::max<std::size_t>(text.size(), 64)};
    dom::object outer;
    if (!json.open(text, outer)) return wrong("is not one JSON object");

    jwk_set set;
    dom::element keys;
    if (outer.at_key("keys").get(keys) == simdjson::NO_SUCH_FIELD) {
        add(set, read_named_jwk(outer, wanted), 1, name);
    } else {
        dom::array list;
        if (keys.get_array().get(list)) return wrong("has keys that are not a list");
        std::size_t number = 0;
        for (const dom::element element : list) {
            dom::object jwk;
            const bool is_object = element.get_object().get(jwk) == simdjson::SUCCESS;
            add(set, is_object ? read_named_jwk(jwk, wanted) : mistake{"is no object"}, ++number, name);
        }
    }
    if (!set.keys.empty()) return set;
    return set.remarks.empty() ? wrong("has no keys") : mistake{set.remarks.front()};
}

} // namespace carillon::keys
