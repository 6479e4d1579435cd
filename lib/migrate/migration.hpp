#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Configurations of other gateways become one of this one. Pure.
namespace carillon::migrate {

/// What has become of an option.
enum class fate : std::uint8_t {
    taken,   ///< It means here what it meant there.
    differs, ///< It is taken over, and something is different; or it is not needed any more.
    missing, ///< There is no such thing here.
};

struct remark {
    fate what{};
    std::string option; ///< as the other configuration writes it; of a namespace with its name: "chat: history_size"
    std::string words;  ///< the option here, and what is different. Never a secret.
};

/// What was written into the other configuration, and is a file of its own here.
struct key_file {
    std::string name;
    std::string content;
};

struct migration {
    std::string toml; ///< may hold secrets
    std::vector<remark> remarks;
    std::vector<key_file> files;
};

/// "taken over" and the like; all of one width.
std::string_view words_of(fate what) noexcept;

} // namespace carillon::migrate
