#include "work/actors.hpp"
#include "work/work_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <set>
#include <vector>

namespace carillon::work {
namespace {

using namespace std::chrono_literals;

// The same history for the pool and for a line of names.
class history {
public:
    history(unsigned seed, std::uint32_t leases) : random_{seed}, pool_{context_, leases, 16} {}
    ~history() {
        tried_.clear();
        pool_.close();
        context_.restart();
        context_.poll(); // who has been promised a lease takes it
        all_.finish_all();
    }

    void run(int steps) {
        for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
            switch (below(7)) {
            case 0:
            case 1: start(); break;
            case 2:
            case 3: finish(); break;
            case 4: try_one(); break;
            case 5: give_one_back(); break;
            default: settle(); break;
            }
            compare();
        }
        settle();
        compare();
    }

private:
    std::size_t below(std::size_t end) { return random_() % end; }
    std::size_t held() const { return holders_.size() + tried_.size(); }

    void start() {
        const int name = ++last_name_;
        if (held() < pool_.capacity()) {
            holders_.insert(name);
        } else {
            line_.push_back(name);
        }
        all_.start(name, below(3) == 0 ? std::chrono::milliseconds{1h} : 0ms);
    }

    void finish() {
        if (all_.holding.empty()) return;
        const auto chosen = std::next(all_.holding.begin(), static_cast<std::ptrdiff_t>(below(all_.holding.size())));
        const int name = chosen->first;
        holders_.erase(name);
        serve();
        all_.finish(name);
    }

    void try_one() {
        lease taken = pool_.try_acquire();
        ASSERT_EQ(static_cast<bool>(taken), held() < pool_.capacity());
        if (taken) tried_.push_back(std::move(taken));
    }

    void give_one_back() {
        if (tried_.empty()) return;
        std::swap(tried_[below(tried_.size())], tried_.back());
        lease ended = std::move(tried_.back());
        tried_.pop_back();
        serve();
    }

    // A lease has become free.
    void serve() {
        if (line_.empty()) return;
        holders_.insert(line_.front());
        served_.push_back(line_.front());
        line_.pop_front();
    }

    void settle() {
        context_.restart();
        context_.poll();
        // All that have been served have gone on, in the order of the line.
        std::vector<int> went_on;
        std::copy_if(all_.granted.begin(), all_.granted.end(), std::back_inserter(went_on),
                     [&](int name) { return std::find(served_.begin(), served_.end(), name) != served_.end(); });
        ASSERT_EQ(went_on, served_) << "somebody was overtaken";
        served_.clear();
        all_.granted.clear();
        std::set<int> holding;
        for (const auto& each : all_.holding) holding.insert(each.first);
        ASSERT_EQ(holding, holders_);
        std::set<const std::byte*> buffers;
        for (const auto& each : all_.buffers) buffers.insert(each.second);
        for (const lease& each : tried_) buffers.insert(each.buffer().data());
        ASSERT_EQ(buffers.size(), held()) << "a buffer belongs to two";
    }

    void compare() {
        ASSERT_EQ(pool_.used(), held());
        ASSERT_LE(pool_.used(), pool_.capacity());
        ASSERT_EQ(pool_.waiting(), line_.size());
        ASSERT_TRUE(all_.refused.empty());
        ASSERT_TRUE(line_.empty() || held() == pool_.capacity()) << "a lease is free while somebody waits";
    }

    std::mt19937 random_;
    boost::asio::io_context context_{1};
    work_pool pool_;
    test::actors all_{pool_};
    int last_name_ = 0;
    std::set<int> holders_;   // with a lease, or one promised
    std::deque<int> line_;    // waiting
    std::vector<int> served_; // from the line, and not yet seen to go on
    std::vector<lease> tried_;
};

TEST(work_pool, random_histories_agree_with_a_line_of_names) {
    for (unsigned seed = 0; seed < 60; ++seed) {
        SCOPED_TRACE(seed);
        history{seed, 1 + seed % 7}.run(1500);
        if (HasFatalFailure()) return;
    }
}

} // namespace
} // namespace carillon::work
