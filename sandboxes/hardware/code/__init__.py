"""What the compiler made of a kernel: units, layouts, ways through shared memory."""
