#pragma once

#include "load/board.hpp"
#include "load/options.hpp"
#include "load/sockets.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace carillon::load {

/// The workers: child processes, each with a share of the connections. They end with the crew, or with the parent.
class crew {
public:
    /// Forks them; the process must have one thread only. Throws std::system_error when it cannot.
    crew(const options& what, const endpoint& where, std::uint32_t run);
    crew(const crew&) = delete;
    crew& operator=(const crew&) = delete;
    /// Ends them and waits until they have ended.
    ~crew() { quit(); }

    /// Gives everybody an order; `count` and `rate` are shared out.
    void tell(const order& all);

    enum class outcome {
        done,        ///< all have answered
        timed_out,   ///< not all, until the limit
        interrupted, ///< `go_on` wants it to end
        broken,      ///< a worker has ended; trouble() says why, if it could tell
    };
    /// Waits until everybody has answered the last order, calling `go_on` every now and then.
    outcome await(clock::time_point limit, const std::function<bool()>& go_on);

    /// Stops all of them, as SIGSTOP does, and lets them go on. What comes meanwhile waits in their sockets.
    void freeze();
    void thaw();

    /// Whether all of them are still there.
    bool is_whole();

    void quit();

    load::board& figures() noexcept { return figures_; }
    const load::board& figures() const noexcept { return figures_; }

private:
    struct member {
        pid_t process = 0;
        descriptor orders;
        std::optional<order::kind> unanswered; // an order that is given before replaces it
    };

    [[noreturn]] void work(const endpoint& where, std::uint32_t run, std::uint32_t number, int orders);
    std::uint32_t share(std::uint32_t of, std::uint32_t number) const noexcept;
    bool take_answers(member& from);

    const options& what_;
    load::board figures_;
    std::vector<member> members_;
    bool broken_ = false;
};

} // namespace carillon::load
