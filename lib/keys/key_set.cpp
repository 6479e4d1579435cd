#include "keys/key_set.hpp"

#include <algorithm>
#include <utility>

namespace carillon::keys {
namespace {

mistake wrong(std::string_view name, std::string_view what) {
    return mistake{std::string{name} + ": " + std::string{what}};
}

constexpr std::size_t hs256_secret_bytes = 32; // RFC 7518 §3.2: as long as the hash

} // namespace

std::optional<mistake> key_set::add(std::vector<key_material> keys, std::string_view name) {
    if (keys_.size() + keys.size() > keys_max) {
        return wrong(name, "with these there are more than " + std::to_string(keys_max) + " keys");
    }
    for (key_material& from : keys) {
        remark_short_secret(from, name);
        keys_.push_back(std::make_shared<const key>(std::move(from)));
    }
    return std::nullopt;
}

std::optional<mistake> key_set::add(const key_set& others, std::string_view name) {
    if (keys_.size() + others.keys_.size() > keys_max) {
        return wrong(name, "with these there are more than " + std::to_string(keys_max) + " keys");
    }
    keys_.insert(keys_.end(), others.keys_.begin(), others.keys_.end());
    return std::nullopt;
}

void key_set::remark_short_secret(const key_material& from, std::string_view name) {
    if (from.kind != key_kind::secret || from.secret.bytes().size() >= hs256_secret_bytes) return;
    remarks_.push_back(std::string{name} + ": the secret is shorter than the " + std::to_string(hs256_secret_bytes) +
                       " bytes that HS256 asks for, so it may be guessed");
}

std::optional<mistake> key_set::add_secret(std::string_view secret, std::string_view name, std::string_view kid) {
    if (secret.empty()) return wrong(name, "the secret is empty");
    if (secret.find("-----BEGIN ") != std::string_view::npos) {
        return wrong(name, "is a key in PEM and no secret; whoever knows a public key could sign with it");
    }
    std::vector<key_material> keys(1);
    keys.front().secret = wiped{std::string{secret}};
    keys.front().kid = kid;
    return add(std::move(keys), name);
}

std::optional<mistake> key_set::add_pem(std::string_view text, std::string_view name) {
    or_mistake<std::vector<key_material>> keys = read_public_pem(text, name);
    if (!keys) return keys.error();
    return add(std::move(*keys), name);
}

std::optional<mistake> key_set::add_jwks(std::string_view text, std::string_view name, secrets in_it) {
    or_mistake<jwk_set> set = read_jwks(text, name, half::open);
    if (!set) return set.error();
    if (in_it == secrets::refused) {
        const auto dropped =
            std::erase_if(set->keys, [](const key_material& key) { return key.kind == key_kind::secret; });
        if (set->keys.empty()) return wrong(name, "has secrets only, and whoever can read them can sign");
        if (dropped > 0) set->remarks.push_back(wrong(name, "has secrets, which are left out").sentence);
    }
    if (const auto mistaken = add(std::move(set->keys), name)) return mistaken;
    remarks_.insert(remarks_.end(), set->remarks.begin(), set->remarks.end());
    return std::nullopt;
}

key_set::candidates key_set::find(algorithm which, std::string_view kid) const {
    candidates found;
    const auto take = [&](auto&& wanted) {
        for (const auto& each : keys_) {
            if (found.size() < found.capacity() && each->fits(which) && wanted(*each)) found.push_back(each.get());
        }
    };
    if (kid.empty()) {
        take([](const key&) { return true; });
    } else {
        take([&](const key& each) { return each.kid() == kid; });
        take([](const key& each) { return each.kid().empty(); });
    }
    return found;
}

bool key_set::knows(std::string_view kid) const noexcept {
    return std::ranges::any_of(keys_, [&](const auto& each) { return each->kid() == kid; });
}

} // namespace carillon::keys
