#pragma once

#include "api/request.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace carillon::api {

/// What is wrong with a body, in one sentence: it is no JSON, or not in the form of the method's request.
struct mistake {
    std::string sentence;
};

/// What a request may hold.
struct limits {
    std::size_t body_bytes_max = 1024 * 1024;
    std::size_t broadcast_channels_max = 10'000;
    std::size_t batch_commands_max = 1'000;
};

/// Takes the bodies of API requests apart. Keeps a buffer for one body. Not thread-safe.
class decoder {
public:
    explicit decoder(const limits& how);
    ~decoder();
    decoder(const decoder&) = delete;
    decoder& operator=(const decoder&) = delete;

    /// The request of `method`, of which is_method() is true, with `params`, at most body_bytes_max long; empty
    /// parameters are as good as {}.
    std::variant<request, mistake> decode(std::string_view method, std::string_view params);

    /// `{"method":"publish","params":{...}}`, as older clients write it, or several of them, each in a line of its own:
    /// at least one. A method that there is not is an unknown_request.
    std::variant<std::vector<request>, mistake> decode_legacy(std::string_view body);

private:
    std::variant<request, mistake> decode_legacy_command(std::string_view body);

    struct implementation;
    std::unique_ptr<implementation> inner_;
};

} // namespace carillon::api
