// The least that a container can run: what is measured is the runtime.
int main(void) { return 0; }
