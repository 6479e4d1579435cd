#pragma once

#include "metrics/outward_facts.hpp"
#include "outward/request.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace carillon::outward {

/// The HTTP client of the process, on a thread of its own: HTTP/1.1 over a bounded pool of connections for each target
/// (docs/decisions/0037-a-client-of-our-own.md). A target that is slow, broken or gone makes its own requests fail, in
/// time, and no other's. Redirects are not followed. A request whose kept connection turns out to have been closed by
/// the peer, so that nothing of an answer has been read, is made once more on a fresh one.
class client {
public:
    client();
    client(const client&) = delete;
    client& operator=(const client&) = delete;
    ~client();

    /// Before run(). Returns the target's number. Throws boost::system::system_error if its `ca_file` cannot be read.
    std::size_t add(const target_options& how);
    bool empty() const noexcept;

    /// Asks `target`. Any thread, before run() too.
    void send(std::size_t target, request what, completion done);

    /// Serves until stop(). Its thread is the client's.
    void run();
    /// Requests that wait or are under way end with error::stopped. Any thread.
    void stop();
    /// After run(): it has returned in the middle of looking a name up. The destructor waits for the end of that, which
    /// only the system's resolver can bring about.
    bool looks_up() const noexcept;

    /// What has been counted, for each target. Thread: the client's.
    std::vector<metrics::outward_facts> snapshot() const;
    boost::asio::io_context& context() noexcept;

private:
    struct inner;
    std::unique_ptr<inner> inner_;
};

} // namespace carillon::outward
