#pragma once

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <map>
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

/// Which paths there are. GET and HEAD only. Not changed once the server runs.
class route_table {
public:
    void add(std::string path, handler answer) { routes_[std::move(path)] = std::move(answer); }
    void add(std::string path, response fixed);

    /// The handler of a path, or null.
    const handler* find(std::string_view path) const;

    /// All of them.
    std::vector<std::string> paths() const;

private:
    std::map<std::string, handler, std::less<>> routes_;
};

} // namespace carillon::control
