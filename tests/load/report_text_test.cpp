#include "load/events.hpp"
#include "load/json.hpp"
#include "load/progress.hpp"
#include "load/svg.hpp"
#include "load/table.hpp"
#include "load/units.hpp"
#include "report_outcomes.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <memory>

namespace carillon::load {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

std::size_t times(std::string_view text, std::string_view part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
    return found;
}

TEST(report_units, lengths_have_three_digits_and_a_unit) {
    const std::pair<std::chrono::nanoseconds, const char*> cases[]{
        {0ns, "0 ns"},          {999ns, "999 ns"},      {1'000ns, "1.00 us"},
        {12'345ns, "12.3 us"},  {99'949ns, "99.9 us"},  {99'950ns, "100 us"},
        {999'499ns, "999 us"},  {999'500ns, "1.00 ms"}, {1'234'567ns, "1.23 ms"},
        {1s, "1.00 s"},         {111s, "111 s"},        {3'600s, "3600 s"},
        {-1'500ns, "-1.50 us"},
    };
    for (const auto& [length, wanted] : cases) EXPECT_EQ(human_time(length), wanted);
}

TEST(report_units, bytes_counts_and_rates) {
    EXPECT_EQ(human_bytes(64), "64 B");
    EXPECT_EQ(human_bytes(-64), "-64 B");
    EXPECT_EQ(human_bytes(1'536), "1.50 KiB");
    EXPECT_EQ(human_bytes(3.0 * 1024 * 1024 * 1024), "3.00 GiB");
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(-1'000), "-1,000");
    EXPECT_EQ(grouped(-100), "-100");
    EXPECT_EQ(grouped(1'234'567), "1,234,567");
    EXPECT_EQ(human_rate(0.5), "0.50");
    EXPECT_EQ(human_rate(17'999.6), "18,000");
}

TEST(report_events, the_main_ones_are_the_deliveries_before_others) {
    outcome of = full_outcome();
    EXPECT_EQ(main_events(of)->name, "deliveries");
    of.deliveries->latency = {};
    EXPECT_EQ(main_events(of)->name, "handshakes");
    of.round_trips = of.handshakes;
    EXPECT_EQ(main_events(of)->name, "round_trips");
    EXPECT_FALSE(main_events(outcome{}));
    EXPECT_EQ(events_of(of).size(), 3u);
}

TEST(report_events, there_is_no_rate_without_time_and_no_slope_without_distance) {
    EXPECT_FALSE(per_second(event_figures{0, 5, 0, 0ns, {}, {}}));
    EXPECT_DOUBLE_EQ(*per_second(event_figures{0, 5, 0, 2s, {}, {}}), 2.5);
    EXPECT_FALSE(server_cpu_each(event_figures{0, 0, 0, 1s, 1s, {}}));
    EXPECT_FALSE(bytes_per_connection(memory_figures{7, 7, 1, 2, 3, 4, 5, 6}));
}

TEST(report_json, every_figure_is_a_number_under_its_name) {
    const json::value read = json::parse(as_json(full_outcome()));
    EXPECT_EQ(read.at("scene"), "broadcast");
    EXPECT_EQ(read.at("parameters").at("connections"), 18'000);
    EXPECT_EQ(read.at("parameters").at("rate"), 2.5);
    EXPECT_EQ(read.at("parameters").at("channel"), "news:<all>");
    EXPECT_EQ(read.at("length_ns"), 111'000'000'000);
    EXPECT_EQ(read.at("load_generator_cpu_ns"), 12'345'000'000);
    EXPECT_EQ(read.at("lost"), 1);

    const json::value& handshakes = read.at("handshakes");
    EXPECT_EQ(handshakes.at("expected"), 18'000);
    EXPECT_EQ(handshakes.at("counted"), 17'990);
    EXPECT_EQ(handshakes.at("failed"), 10);
    EXPECT_EQ(handshakes.at("per_second"), 1'799);
    EXPECT_EQ(handshakes.at("server_cpu_ns"), 900'000'000);
    EXPECT_EQ(handshakes.at("server_cpu_ns_each"), 900'000'000 / 17'990);

    const json::value& latency = read.at("deliveries").at("latency");
    EXPECT_EQ(latency.at("count"), 1'000);
    EXPECT_EQ(latency.at("mean_ns"), full_outcome().deliveries->latency.mean().count());
    EXPECT_NEAR(latency.at("p50_ns").to_number<double>(), 600'000, 6'000);
    EXPECT_NEAR(latency.at("p90_ns").to_number<double>(), 1'000'000, 10'000);
    EXPECT_NEAR(latency.at("p99_ns").to_number<double>(), 1'090'000, 11'000);
    EXPECT_NEAR(latency.at("p999_ns").to_number<double>(), 29'000'000, 290'000);
    EXPECT_EQ(latency.at("max_ns"), 30'000'000);

    const json::value& memory = read.at("memory");
    EXPECT_EQ(memory.at("resident_bytes_to"), 101'800'000);
    EXPECT_EQ(memory.at("bytes_per_connection").at("resident"), 100);
    EXPECT_EQ(memory.at("bytes_per_connection").at("kernel"), 4'001);
}

TEST(report_json, the_histogram_adds_up_to_the_main_events) {
    const json::value read = json::parse(as_json(full_outcome()));
    EXPECT_EQ(read.at("histogram").at("of"), "deliveries");
    std::int64_t sum = 0;
    std::int64_t end = 0;
    for (const json::value& bin : read.at("histogram").at("bins").as_array()) {
        EXPECT_GE(bin.at("from_ns").as_int64(), end);
        end = bin.at("to_ns").as_int64();
        sum += bin.at("count").to_number<std::int64_t>();
    }
    EXPECT_EQ(sum, 1'000);
}

TEST(report_json, what_is_absent_is_not_there) {
    const json::value read = json::parse(as_json(outcome{}));
    for (const char* name : {"handshakes", "publishes", "deliveries", "round_trips", "holding", "memory", "histogram",
                             "trouble", "interrupted"})
        EXPECT_FALSE(read.as_object().contains(name)) << name;
}

TEST(report_json, what_looks_like_a_value_of_the_grammar_is_one_unless_it_is_text) {
    outcome of;
    of.parameters = {{"ids", "007"}, {"size", "10k"}, {"text", "\"5\""}, {"none", ""},
                     {"less", "-3"}, {"yes", "true"}, {"no", "5", true}};
    const json::value read = json::parse(as_json(of));
    EXPECT_EQ(read.at("parameters").at("ids"), "007");
    EXPECT_EQ(read.at("parameters").at("size"), "10k");
    EXPECT_EQ(read.at("parameters").at("text"), "\"5\"");
    EXPECT_EQ(read.at("parameters").at("none"), "");
    EXPECT_EQ(read.at("parameters").at("less"), -3);
    EXPECT_EQ(read.at("parameters").at("yes"), true);
    EXPECT_EQ(read.at("parameters").at("no"), "5");
}

TEST(report_table, it_reads_like_this) {
    EXPECT_EQ(as_table(full_outcome()),
              R"(broadcast  ws://127.0.0.1:8000/connection/websocket?a=1&b=2  2026-01-02T03:04:05Z
connections=18000  rate=2.5  channel=news:<all>

                     expected    counted  failed    in     per second  server CPU each
handshakes             18,000     17,990      10  10.0 s        1,799          50.0 us
deliveries          1,800,000  1,799,999           100 s       18,000          2.00 us

latency             count  mean     p50      p90      p99     p99.9      max
handshakes          1,000   500 ms  503 ms   905 ms   990 ms   1.00 s   1.00 s
deliveries          1,000   845 us  605 us  1.00 ms  1.10 ms   29.3 ms  30.0 ms

memory              at 1,500     at 19,500     each connection
server, resident       95.4 MiB      97.1 MiB          100 B
kernel, records        47.7 MiB       116 MiB         3.91 KiB
kernel, buffers           0 B        17.6 KiB            1 B

connections dropped: 0, lost: 1, duplicated: 0, disordered: 0
load generator: 12.3 s of CPU in 111 s
)");
}

TEST(report_table, what_is_absent_is_not_shown) {
    outcome of;
    of.scene = "echo";
    of.target = "ws://localhost:1/";
    of.began = "2026-01-02T03:04:05Z";
    of.length = 2s;
    of.round_trips = event_figures{0, 3, 0, 1s, {}, {}};
    EXPECT_EQ(as_table(of), R"(echo  ws://localhost:1/  2026-01-02T03:04:05Z

                    counted    in     per second
round trips               3  1.00 s         3.00

connections dropped: 0
load generator: 0 ns of CPU in 2.00 s
)");
}

TEST(report_svg, it_is_one_document_with_marks_ticks_and_bars) {
    const std::string drawn = as_svg(full_outcome());
    EXPECT_TRUE(drawn.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    EXPECT_TRUE(drawn.ends_with("</svg>\n"));
    EXPECT_EQ(times(drawn, "class=\"mark\""), 4u);
    for (const char* label :
         {">p50 605 µs<", ">p99 ", ">p99.9 ", ">max 30.0 ms<", ">1 µs<", ">1 ms<", ">1 s<", ">1,000 in all<"})
        EXPECT_EQ(times(drawn, label), 1u) << label;
    EXPECT_EQ(times(drawn, ">10 s<"), 0u);
    EXPECT_GT(times(drawn, "class=\"bar\""), 20u);
    EXPECT_NE(drawn.find("prefers-color-scheme: dark"), drawn.npos);
    EXPECT_NE(drawn.find("?a=1&amp;b=2"), drawn.npos);
}

TEST(report_svg, the_axis_grows_to_what_took_longer) {
    outcome of = full_outcome();
    of.deliveries->latency.record(40s);
    EXPECT_EQ(times(as_svg(of), ">100 s<"), 1u);
    of.deliveries->latency.record(500s);
    EXPECT_EQ(times(as_svg(of), ">max 500 s<"), 1u);
}

TEST(report_svg, without_latencies_it_says_so) {
    outcome of;
    of.scene = "hold";
    EXPECT_NE(as_svg(of).find("hold: no latencies"), std::string::npos);
}

TEST(report_svg, text_is_escaped) {
    EXPECT_EQ(xml_escaped("<a href=\"x\">'&'\x1b\n"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;?\n");
}

// A file in memory, read as text.
class memory_file {
public:
    std::FILE* file() const { return file_.get(); }
    std::string text() {
        std::rewind(file_.get());
        std::string read(1000, '\0');
        read.resize(std::fread(read.data(), 1, read.size(), file_.get()));
        return read;
    }

private:
    struct closer {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, closer> file_{std::tmpfile()};
};

TEST(report_progress, it_draws_ten_times_a_second_and_cleans_up) {
    memory_file to;
    {
        progress shown{to.file(), true};
        const auto begin = progress::clock::now();
        shown.show("connecting", 0.25, begin);
        shown.show("connecting", 0.3, begin + 99ms);
        shown.show("connecting", 1, begin + 100ms);
    }
    EXPECT_EQ(to.text(), "\r\x1b[Kconnecting [#####               ]  25 %"
                         "\r\x1b[Kconnecting [####################] 100 %"
                         "\r\x1b[K");
}

TEST(report_progress, nothing_is_written_where_nothing_is_shown) {
    memory_file to;
    {
        progress hidden{to.file(), false};
        hidden.show("connecting", 0.5);
        hidden.clear();
    }
    EXPECT_EQ(to.text(), "");
}

TEST(report_progress, a_line_never_wraps_and_a_share_is_never_beyond_its_ends) {
    memory_file to;
    progress shown{to.file(), true};
    const auto begin = progress::clock::now();
    shown.show(std::string(200, 'x'), 7, begin);
    shown.show("", -1, begin + 1s);
    shown.show("", 0.0 / 0.0, begin + 2s);
    EXPECT_EQ(to.text(), "\r\x1b[K" + std::string(48, 'x') + " [####################] 100 %" +
                             "\r\x1b[K [                    ]   0 %\r\x1b[K [                    ]   0 %");
}

} // namespace
} // namespace carillon::load
