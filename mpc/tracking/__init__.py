"""Controllers that remember: setpoints, disturbances, estimates."""
