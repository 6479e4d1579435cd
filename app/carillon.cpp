// carillon: the notification gateway.
#include "program/program.hpp"

int main(int argc, char** argv) {
    return carillon::program::run_program(carillon::config::program::gateway, argc, argv);
}
