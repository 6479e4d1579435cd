#include "keys/pkey.hpp"

#include <openssl/pem.h>

#include <limits>

namespace carillon::keys {
namespace {

using owned_bio = owned<BIO, BIO_free>;

void free_bytes(void* bytes) { OPENSSL_free(bytes); }
void free_text(char* text) { OPENSSL_free(text); }

mistake wrong(std::string_view name, std::string_view what) {
    return mistake{std::string{name} + ": " + std::string{what}};
}

owned_bio bio_of(std::string_view text) {
    if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return nullptr;
    return owned_bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

// One "BEGIN label ... END label".
struct pem_block {
    std::string label;
    std::string bytes;
};

std::optional<pem_block> next_block(BIO* from) {
    char* label = nullptr;
    char* header = nullptr;
    unsigned char* bytes = nullptr;
    long size = 0;
    if (PEM_read_bio(from, &label, &header, &bytes, &size) != 1) return std::nullopt;
    const owned<char, free_text> owned_label{label};
    const owned<char, free_text> owned_header{header};
    const owned<unsigned char, free_bytes> owned_bytes{bytes};
    return pem_block{label, std::string{reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)}};
}

owned_pkey public_key_of(const pem_block& block) {
    const auto* at = reinterpret_cast<const unsigned char*>(block.bytes.data());
    const auto* end = at + block.bytes.size();
    const auto size = static_cast<long>(block.bytes.size());
    owned_pkey key{block.label == "PUBLIC KEY" ? d2i_PUBKEY(nullptr, &at, size)
                                               : d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, size)};
    if (at != end) key.reset();
    return key;
}

// Without this OpenSSL asks the terminal for the password.
int no_password(char*, int, int, void*) { return -1; }

} // namespace

or_mistake<std::vector<key_material>> read_public_pem(std::string_view text, std::string_view name) {
    const no_openssl_errors quiet;
    const owned_bio bio = bio_of(text);
    std::vector<key_material> keys;
    while (const auto block = bio == nullptr ? std::nullopt : next_block(bio.get())) {
        if (block->label.ends_with("PRIVATE KEY")) {
            return wrong(name, "is a private key, which checks nothing and does not belong here; put its public half");
        }
        if (block->label == "CERTIFICATE") {
            return wrong(name, "is a certificate; `openssl x509 -pubkey -noout` prints its public key");
        }
        if (block->label != "PUBLIC KEY" && block->label != "RSA PUBLIC KEY") {
            return wrong(name, "has something else than public keys");
        }
        owned_pkey pair = public_key_of(*block);
        if (pair == nullptr) return wrong(name, "has a public key that cannot be read");
        const or_mistake<key_kind> kind = kind_of(pair.get(), name);
        if (!kind) return kind.error();
        key_material& key = keys.emplace_back();
        key.kind = *kind;
        key.pair = std::move(pair);
    }
    if (keys.empty()) return wrong(name, "has no public key in PEM");
    return keys;
}

or_mistake<key_material> read_private_pem(std::string_view text, std::string_view name) {
    const no_openssl_errors quiet;
    const owned_bio bio = bio_of(text);
    key_material key;
    if (bio != nullptr) key.pair.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
    if (key.pair == nullptr) return wrong(name, "has no private key in PEM that is not encrypted");
    const or_mistake<key_kind> kind = kind_of(key.pair.get(), name);
    if (!kind) return kind.error();
    key.kind = *kind;
    return key;
}

} // namespace carillon::keys
