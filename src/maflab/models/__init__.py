"""The three parts of the network and their assembly: feature pyramid, MAF loop, auxiliary head, mesh recovery."""
