"""What each operation computes: functions of runtime values, without machine state."""
