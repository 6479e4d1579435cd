#include "program/token_command.hpp"

#include "config/content.hpp"
#include "keys/signer.hpp"
#include "loading/load.hpp"
#include "protocol/payload.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace carillon::program {

namespace {

constexpr int exit_invalid = 2;
constexpr std::size_t key_bytes_max = 64 * 1024;

int refuse(const std::string& line) {
    std::fprintf(stderr, "%s\n", line.c_str());
    return exit_invalid;
}

// "90", "90s", "15m", "12h", "7d"
std::optional<std::chrono::seconds> duration_of(const std::string& text) {
    std::size_t digits = text.find_first_not_of("0123456789");
    if (digits == text.npos) digits = text.size();
    if (digits == 0 || digits > 9) return std::nullopt;
    const std::string unit = text.substr(digits);
    const long long number = std::stoll(text.substr(0, digits));
    if (unit.empty() || unit == "s") return std::chrono::seconds{number};
    if (unit == "m") return std::chrono::minutes{number};
    if (unit == "h") return std::chrono::hours{number};
    if (unit == "d") return std::chrono::hours{24 * number};
    return std::nullopt;
}

struct wish {
    std::string user, channel, ttl = "1h", info, key_file;
};

keys::or_mistake<keys::signer> signer_for(const config::settings& how, const wish& what) {
    if (what.key_file.empty()) {
        const bool own = !what.channel.empty() && !how.subscription_token_hmac_secret.empty();
        const std::string& secret = own ? how.subscription_token_hmac_secret : how.token_hmac_secret;
        if (secret.empty())
            return keys::mistake{"nothing to sign with: give --token-hmac-secret-file, or --key-file with a private "
                                 "key as PEM or JWK"};
        return keys::signer::from_secret(secret, "token_hmac_secret");
    }
    std::string text;
    if (auto why = config::read_content(what.key_file, key_bytes_max, text))
        return keys::mistake{fmt::format("--key-file: {} {}", what.key_file, *why)};
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first != text.npos && text[first] == '{') return keys::signer::from_private_jwk(text, what.key_file);
    return keys::signer::from_private_pem(text, what.key_file);
}

int print_token(const config::settings& how, const wish& what) {
    const auto lifetime = what.ttl == "never" ? std::optional{std::chrono::seconds{0}} : duration_of(what.ttl);
    if (!lifetime) return refuse(fmt::format("--ttl: '{}' is no time; give 90s, 15m, 12h, 7d or never", what.ttl));
    if (!what.info.empty() && !protocol::is_json(what.info)) return refuse("--info: this is not JSON");
    const auto with = signer_for(how, what);
    if (!with) return refuse(with.error().sentence);
    keys::wanted_claims claims{.user = what.user,
                               .user_claim = how.token_user_claim,
                               .channel = what.channel,
                               .audience = how.token_audience,
                               .issuer = how.token_issuer,
                               .info = what.info,
                               .now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())};
    if (what.ttl != "never") claims.lifetime = *lifetime;
    const auto token = with->sign(with->usual(), keys::claims_text(claims));
    if (!token) return refuse(token.error().sentence);
    std::printf("%s\n", token->c_str());
    return 0;
}

} // namespace

int run_token_command(int argc, const char* const* argv) {
    wish what;
    CLI::App flags{
        "Prints a token for trying out. Every option of carillon is taken, too: the secret, the audience and "
        "the issuer are those of the gateway.",
        "carillon token"};
    flags.add_option("--user", what.user, "ID of the user; none: the anonymous one")->type_name("ID");
    flags.add_option("--channel", what.channel, "makes a subscription token for this channel")->type_name("NAME");
    flags.add_option("--ttl", what.ttl, "how long it is good: 90s, 15m, 12h, 7d or never (1h)")->type_name("TIME");
    flags.add_option("--info", what.info, "what other clients are shown, as JSON")->type_name("JSON");
    flags.add_option("--key-file", what.key_file, "private key to sign with, as PEM or JWK, in place of the secret")
        ->type_name("FILE");
    flags.allow_extras();
    try {
        flags.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        std::printf("%s", flags.help().c_str());
        return 0;
    } catch (const CLI::ParseError& why) { return refuse(why.what()); }
    // The rest is for the gateway's own reader, and a secret among it stays out of every message.
    std::vector<std::string> rest = flags.remaining();
    std::vector<const char*> gateway_argv{argv[0]};
    for (const std::string& each : rest) gateway_argv.push_back(each.c_str());
    const loading::outcome loaded = loading::load(config::program::gateway, static_cast<int>(gateway_argv.size()),
                                                  gateway_argv.data(), loading::process_environment());
    if (!loaded.value) {
        std::fprintf(loaded.exit_code == 0 ? stdout : stderr, "%s\n", loaded.text.c_str());
        return loaded.exit_code;
    }
    return print_token(*loaded.value, what);
}

} // namespace carillon::program
