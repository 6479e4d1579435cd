#pragma once

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::control {

/// What a request is answered with.
struct response {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
    std::vector<std::pair<std::string, std::string>> fields; ///< further header fields
};

/// Makes the answer to a GET. Runs on the control plane's thread and may wait there.
using handler = std::function<boost::asio::awaitable<response>()>;

/// What the head of a request says. Valid until the request is answered.
struct request_facts {
    std::string_view method;
    std::string_view path;
    std::optional<std::uint64_t> body_bytes;                      ///< if it says so in advance
    std::function<std::string_view(std::string_view name)> field; ///< of the header; empty: there is none
    bool encrypted = false;                                       ///< it came over TLS
};

/// A request that has been read.
struct asked {
    const request_facts* head = nullptr;
    std::string body{};
};

/// Answers requests that have a body. Thread: the control plane's.
class post_route {
public:
    /// The answer that needs no body; none: the body is wanted, of at most body_bytes_max().
    virtual std::optional<response> refuse(const request_facts& head) = 0;
    virtual std::size_t body_bytes_max() const noexcept = 0;
    /// The body turns out to be larger.
    virtual response too_large(const request_facts& head) = 0;
    /// `head` lives as long as the coroutine.
    virtual boost::asio::awaitable<response> answer(const request_facts& head, std::string body) = 0;

    /// Whether requests to this path may be answered together where several have come at once: their answers are ready
    /// at the same time then, and are sent with one write.
    virtual bool joins(std::string_view path) const noexcept;
    /// Answers such requests as if they came one after the other; their heads live as long as the coroutine.
    virtual boost::asio::awaitable<std::vector<response>> answer_all(std::vector<asked> all);

protected:
    ~post_route() = default;
};

/// Which paths there are. GET and HEAD only, but for those of a post_route; where both have a path, GET is the other's.
/// Not changed once the server runs.
class route_table {
public:
    void add(std::string path, handler answer) { routes_[std::move(path)] = std::move(answer); }
    void add(std::string path, response fixed);

    /// `path` itself and all that is under it but for what was added before; `whose` outlives the table.
    void add(std::string path, post_route& whose) { posts_.emplace_back(std::move(path), &whose); }
    /// Who answers requests to this path, with or without a body, or null.
    post_route* find_post(std::string_view path) const;

    /// The handler of a path, or null.
    const handler* find(std::string_view path) const;

    /// All of them; "/path/*" stands for all that is under a path.
    std::vector<std::string> paths() const;

private:
    std::map<std::string, handler, std::less<>> routes_;
    std::vector<std::pair<std::string, post_route*>> posts_;
};

} // namespace carillon::control
