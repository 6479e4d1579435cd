#include "tls/ticket_keys.hpp"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <span>

namespace carillon::tls {

namespace {

// What OpenSSL wants to hear of a ticket.
constexpr int failed = -1;
constexpr int unknown = 0; // a whole handshake, then
constexpr int good = 1;
constexpr int good_but_old = 2; // and the client gets a new one

bool set_mac(EVP_MAC_CTX* mac, std::array<unsigned char, 32>& key) {
    std::array<char, 7> digest{"SHA256"};
    const std::array<OSSL_PARAM, 3> parameters{
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.data(), key.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0), OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
}

} // namespace

ticket_keys::~ticket_keys() {
    for (key& each : keys_) OPENSSL_cleanse(&each, sizeof each);
}

void ticket_keys::serve(SSL_CTX* context) {
    SSL_CTX_set_app_data(context, this);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
    SSL_CTX_set_timeout(context, std::chrono::seconds{period * (kept - 1)}.count());
}

std::size_t ticket_keys::size() const {
    const std::lock_guard<std::mutex> held{guard_};
    return keys_.size();
}

int ticket_keys::on_ticket(SSL* of, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                           int seal) {
    auto& keys = *static_cast<ticket_keys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(of)));
    const std::lock_guard<std::mutex> held{keys.guard_};
    return seal != 0 ? keys.seal(name, iv, cipher, mac) : keys.open(name, iv, cipher, mac);
}

// False: there is no randomness.
bool ticket_keys::renew() {
    const auto now = now_();
    while (!keys_.empty() && now - keys_.back().made >= period * kept) {
        OPENSSL_cleanse(&keys_.back(), sizeof(key));
        keys_.pop_back();
    }
    if (!keys_.empty() && now - keys_.front().made < period) return true;
    key made{};
    if (RAND_bytes(made.name.data(), static_cast<int>(made.name.size())) != 1 ||
        RAND_priv_bytes(made.cipher.data(), static_cast<int>(made.cipher.size())) != 1 ||
        RAND_priv_bytes(made.mac.data(), static_cast<int>(made.mac.size())) != 1)
        return false;
    made.made = now;
    keys_.push_front(made);
    OPENSSL_cleanse(&made, sizeof made);
    return true;
}

int ticket_keys::seal(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
    if (!renew() || RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return failed;
    key& newest = keys_.front();
    std::ranges::copy(newest.name, name);
    if (EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, newest.cipher.data(), iv) != 1) return failed;
    return set_mac(mac, newest.mac) ? good : failed;
}

int ticket_keys::open(const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
    if (!renew()) return failed;
    const auto found = std::ranges::find_if(keys_, [&](const key& each) {
        return std::ranges::equal(each.name, std::span<const unsigned char, 16>{name, 16});
    });
    if (found == keys_.end()) return unknown;
    if (EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, found->cipher.data(), iv) != 1) return failed;
    if (!set_mac(mac, found->mac)) return failed;
    return found == keys_.begin() ? good : good_but_old;
}

} // namespace carillon::tls
