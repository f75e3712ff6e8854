// A program that waits to be ended: what `exec` adds processes to.
#include <unistd.h>

int main(void) { return pause(); }
