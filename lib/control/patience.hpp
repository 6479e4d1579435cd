#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <list>

namespace carillon::control {

/// Ends connections that take too long. All have the same time, so whoever is waited for last has to come last, and one
/// timer is enough for all of them, however often one begins anew. Thread: the context's.
class patience {
public:
    using clock = std::chrono::steady_clock;

    patience(boost::asio::io_context& context, std::chrono::milliseconds length) : timer_{context}, length_{length} {}
    patience(const patience&) = delete;
    patience& operator=(const patience&) = delete;

    /// What a connection's peer is waited for. `of` outlives it.
    class wait {
    public:
        wait(patience& of, int descriptor);
        wait(const wait&) = delete;
        wait& operator=(const wait&) = delete;
        ~wait();

        /// From now on there is the whole time.
        void begin();
        /// Nobody is waited for.
        void pause() noexcept;
        /// It took too long: the socket has been shut down, in both directions.
        bool is_over() const noexcept { return over_; }

    private:
        friend class patience;
        using list = std::list<wait*>;

        patience& of_;
        int descriptor_;
        list mine_;           // its node while nobody is waited for
        list::iterator node_; // in mine_ or in the patience's list
        clock::time_point until_{};
        bool over_ = false;
    };

private:
    void arm(clock::time_point until);
    void look();

    boost::asio::steady_timer timer_;
    std::chrono::milliseconds length_;
    std::list<wait*> waiting_; // the next one first
    std::size_t alive_ = 0;    // waits, whether they wait or not
    bool armed_ = false;
};

} // namespace carillon::control
