#include "auth/verifier.hpp"
#include "base/check.hpp"
#include "keys/key_set.hpp"
#include "keys/signer.hpp"

#include <benchmark/benchmark.h>
#include <openssl/pem.h>

#include <string>

namespace carillon::auth {
namespace {

using namespace keys;

constexpr std::chrono::sys_seconds now{std::chrono::seconds{1'700'000'000}};
constexpr std::string_view claims =
    R"({"sub":"2f1c9d3e-7a40-4c0b-9f51-0c7d1d3a8b66","exp":1700003600,"iat":1700000000})";

struct pair_of_keys {
    signer by;
    std::shared_ptr<const key_set> keys;
};

EVP_PKEY* made(key_kind kind) {
    switch (kind) {
    case key_kind::rsa: return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
    case key_kind::p256: return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
    case key_kind::p384: return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384");
    case key_kind::p521: return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-521");
    case key_kind::ed25519: return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    case key_kind::secret: break;
    }
    CHECK(false);
    return nullptr;
}

template <class Write>
std::string pem(Write&& write) {
    const owned<BIO, BIO_free> bio{BIO_new(BIO_s_mem())};
    CHECK(write(bio.get()) == 1);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

pair_of_keys pair_for(algorithm which) {
    auto keys = std::make_shared<key_set>();
    if (kind_for(which) == key_kind::secret) {
        const std::string secret(64, 's');
        CHECK(!keys->add_secret(secret, "s"));
        return {std::move(*signer::from_secret(secret, "s")), keys};
    }
    const owned_pkey pair{made(kind_for(which))};
    CHECK(!keys->add_pem(pem([&](BIO* out) { return PEM_write_bio_PUBKEY(out, pair.get()); }), "k"));
    const std::string secret =
        pem([&](BIO* out) { return PEM_write_bio_PrivateKey(out, pair.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    return {std::move(*signer::from_private_pem(secret, "k")), keys};
}

/// A client that comes with a token: the first time (every time, if none is remembered), and again.
void verify(benchmark::State& state, algorithm which, std::size_t remembered_bytes_max) {
    const pair_of_keys pair = pair_for(which);
    const std::string token = *pair.by.sign(which, claims);
    verifier by{{.remembered_bytes_max = remembered_bytes_max}, pair.keys};
    CHECK(by.verify_connection(token, now).has_value());
    for ([[maybe_unused]] auto _ : state) {
        auto read = by.verify_connection(token, now);
        CHECK(read.has_value());
        benchmark::DoNotOptimize(read);
    }
    CHECK((by.connection_memory().hits > 0) == (remembered_bytes_max > 0));
    state.SetItemsProcessed(state.iterations());
}

[[maybe_unused]] const bool registered = [] {
    for (std::size_t i = 0; i < algorithms; ++i) {
        const auto which = static_cast<algorithm>(i);
        const std::string name{name_of(which)};
        benchmark::RegisterBenchmark((name + "/cold").c_str(), verify, which, std::size_t{0});
        benchmark::RegisterBenchmark((name + "/remembered").c_str(), verify, which, std::size_t{1} << 20);
    }
    return true;
}();

/// A table of a hundred thousand tokens, asked for in turns: what a look-up costs when nothing is in the caches.
void find_among_many(benchmark::State& state) {
    constexpr int tokens = 100'000;
    remembered<connection_claims> memory{std::size_t{1} << 30};
    digester digest;
    std::vector<token_digest> digests;
    for (int i = 0; i < tokens; ++i) {
        digests.push_back(digest(std::to_string(i)));
        memory.insert(digests.back(), std::make_shared<const connection_claims>(), std::chrono::sys_seconds::max());
    }
    std::size_t at = 0;
    for ([[maybe_unused]] auto _ : state) {
        auto found = memory.find(digests[at], now);
        benchmark::DoNotOptimize(found);
        at = at + 1 == digests.size() ? 0 : at + 1;
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(find_among_many);

} // namespace
} // namespace carillon::auth

BENCHMARK_MAIN();
