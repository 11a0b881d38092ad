"""Why a derivative is what it is: its steps, its kinks, its pitfalls."""
