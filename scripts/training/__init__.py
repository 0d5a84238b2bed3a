"""What trains the model: sentences, the values that fill their slots, the encoder and its heads. Not part of the wheel."""
