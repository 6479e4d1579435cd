#include "house/floors.hpp"

#include <gtest/gtest.h>

namespace carillon::house {
namespace {

const plan& real_plan() {
    static const plan planned = read_plan(read_file("docs/architecture.md").text);
    return planned;
}

std::set<std::string> depends_of(const std::string& room) {
    const auto depends = declared_dependencies(read_file("lib/" + room + "/CMakeLists.txt").text, room);
    EXPECT_TRUE(depends) << "lib/" << room << "/CMakeLists.txt declares no room of that name";
    return depends.value_or(std::set<std::string>{});
}

// --- the house as it stands

TEST(floors, every_room_has_its_row_in_the_architecture) {
    const complaints found = check_rooms(real_plan(), folders_in("lib"));
    EXPECT_TRUE(found.empty()) << joined(found);
}

TEST(floors, dependencies_lead_downward) {
    for (const std::string& room : folders_in("lib")) {
        const complaints found = check_floors(real_plan(), room, depends_of(room));
        EXPECT_TRUE(found.empty()) << joined(found);
    }
}

TEST(floors, includes_keep_to_the_declared_dependencies) {
    for (const std::string& room : folders_in("lib")) {
        const auto depends = depends_of(room);
        for (const source_file& file : read_tree("lib/" + room)) {
            if (!file.ends_in(".hpp") && !file.ends_in(".cpp") && !file.ends_in(".cpp.in")) continue;
            const complaints found = check_includes(file, room, depends);
            EXPECT_TRUE(found.empty()) << joined(found);
        }
    }
}

TEST(floors, no_room_is_too_large_to_get_to_know) {
    for (const std::string& room : folders_in("lib")) {
        if (room == "load") continue; // a tool that measures, and no part of what serves
        const complaints found = check_size(room, read_tree("lib/" + room));
        EXPECT_TRUE(found.empty()) << joined(found);
    }
}

TEST(floors, pure_rooms_know_neither_asio_nor_sockets) {
    int files = 0;
    for (const auto& [room, place] : real_plan()) {
        if (!place.pure || !exists("lib/" + room)) continue;
        for (const source_file& file : read_tree("lib/" + room)) {
            ++files;
            const complaints found = check_purity(file);
            EXPECT_TRUE(found.empty()) << joined(found);
        }
    }
    EXPECT_GT(files, 0);
}

TEST(floors, the_rooms_of_bytes_and_values_are_planned_as_pure) {
    for (const char* room : {"base", "http", "ws", "resp", "protocol", "metrics", "config", "hub"}) {
        ASSERT_TRUE(real_plan().contains(room)) << room;
        EXPECT_TRUE(real_plan().at(room).pure) << room;
    }
}

// --- the checks themselves

const plan small{{"base", {0, true}}, {"ws", {1, true}}, {"resp", {1, true}}, {"net", {2, false}}};

TEST(checks_of_floors, the_plan_is_read_from_the_table_only) {
    const plan read = read_plan("Text about `hub`.\n"
                                "| floor | room | pure | what |\n"
                                "|---|---|---|---|\n"
                                "| 1 | `ws` | pure | frames |\n"
                                "| 2 | `net` | | sockets |\n"
                                "| what | `not_a_room` | | |\n");
    ASSERT_EQ(read.size(), 2u);
    EXPECT_EQ(read.at("ws").floor, 1);
    EXPECT_TRUE(read.at("ws").pure);
    EXPECT_EQ(read.at("net").floor, 2);
    EXPECT_FALSE(read.at("net").pure);
}

TEST(checks_of_floors, declared_dependencies_end_where_the_libraries_begin) {
    const std::string_view cmake =
        "carillon_room(ws DEPENDS base\n  resp LIBRARIES Boost::headers)\ncarillon_room(base)\n";
    EXPECT_EQ(declared_dependencies(cmake, "ws"), (std::set<std::string>{"base", "resp"}));
    EXPECT_EQ(declared_dependencies(cmake, "base"), std::set<std::string>{});
    EXPECT_EQ(declared_dependencies(cmake, "net"), std::nullopt);
}

TEST(checks_of_floors, a_room_without_a_row_and_a_row_without_a_room_are_found) {
    EXPECT_TRUE(check_rooms(small, {"base", "net", "resp", "ws"}).empty());
    EXPECT_EQ(check_rooms(small, {"base", "net", "resp", "ws", "util"}).size(), 1u);
    EXPECT_EQ(check_rooms(small, {"base", "net", "ws"}).size(), 1u);
}

TEST(checks_of_floors, sideways_upward_and_unknown_dependencies_are_found) {
    EXPECT_TRUE(check_floors(small, "net", {"base", "ws", "resp"}).empty());
    EXPECT_EQ(check_floors(small, "ws", {"base", "resp"}).size(), 1u);
    EXPECT_EQ(check_floors(small, "ws", {"net"}).size(), 1u);
    EXPECT_EQ(check_floors(small, "ws", {"util"}).size(), 1u);
    EXPECT_EQ(check_floors(small, "util", {}).size(), 1u);
}

TEST(checks_of_floors, an_include_from_elsewhere_is_found) {
    const auto includes = [](std::string text) {
        return check_includes({"lib/ws/a.cpp", text}, "ws", {"base"}).size();
    };
    EXPECT_EQ(includes("#include \"ws/frame.hpp\"\n#include \"base/check.hpp\"\n#include <vector>\n"), 0u);
    EXPECT_EQ(includes("#include \"net/slab.hpp\"\n"), 1u);
    EXPECT_EQ(includes("  #  include \"net/slab.hpp\" // for the slab\n"), 1u);
    EXPECT_EQ(includes("#include \"frame.hpp\"\n"), 1u);
    EXPECT_EQ(includes("// #include \"net/slab.hpp\"\n"), 0u);
}

TEST(checks_of_floors, a_room_of_too_many_lines_is_found) {
    const auto lines = [](std::size_t count) {
        std::string text;
        for (std::size_t i = 0; i < count; ++i) text += "x\n";
        return text;
    };
    const auto complaints_of = [&](std::size_t first, std::size_t second) {
        return check_size("ws", {{"lib/ws/a.cpp", lines(first)}, {"lib/ws/b.hpp", lines(second)}}).size();
    };
    EXPECT_EQ(complaints_of(room_lines_max - 1, 1), 0u);
    EXPECT_EQ(complaints_of(room_lines_max - 1, 2), 1u);
}

TEST(checks_of_floors, asio_and_sockets_in_a_pure_room_are_found) {
    const auto impure = [](std::string text) { return check_purity({"lib/ws/a.hpp", text}).size(); };
    EXPECT_EQ(impure("#include <boost/system/result.hpp>\n#include <sys/resource.h>\n"), 0u);
    EXPECT_EQ(impure("#include <boost/asio/post.hpp>\n"), 1u);
    EXPECT_EQ(impure("#include <boost/asio.hpp>\n"), 1u);
    EXPECT_EQ(impure("#include <boost/beast/http.hpp>\n"), 1u);
    EXPECT_EQ(impure("#include <sys/socket.h>\n"), 1u);
}

} // namespace
} // namespace carillon::house
