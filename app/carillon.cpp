// carillon: the notification gateway.
#include "gateway/program.hpp"

int main(int argc, char** argv) {
    return carillon::gateway::run_program(carillon::config::program::gateway, argc, argv);
}
